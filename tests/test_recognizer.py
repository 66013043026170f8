from functools import partial
from pathlib import Path

import albumentations as A
import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch import Tensor

from marginface import FaceDataModule, FaceEmbedder, FaceRecognizer, Preprocess
from marginface.backbone import SphereNet
from marginface.benchmark import PairBenchmark
from marginface.callbacks import NonFiniteLossError, StopOnNonFinite
from marginface.data import FaceRecords, decode, sample_pairs
from marginface.head import ASoftmax, CosFace, Head, NormFace, Row, Softmax
from marginface.schedule import cosine

STEPS = 8  # per epoch: 8 identities with 8 images, 8 a batch
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def faces(records: Path, **options) -> FaceDataModule:
    """8 identities to train on, 4 held out."""
    held_out = {"num_validation_identities": 4, "num_validation_pairs": 16, "num_validation_folds": 2}
    return FaceDataModule(records, **({"batch_size": 8, "num_workers": 0} | held_out | options))


def recognizer(head: Head | None = None, num_classes: int = 8, seed: int = 0, **options) -> FaceRecognizer:
    """A network small enough to train within a second."""
    torch.manual_seed(seed)
    backbone = options.pop("backbone", None) or SphereNet(4, 8, (48, 40))
    gentle = partial(torch.optim.SGD, lr=0.02, momentum=0.9, weight_decay=5e-4)
    return FaceRecognizer(backbone, head or ASoftmax(), num_classes, **({"optimizer": gentle} | options))


def trainer(folder: Path, **options) -> L.Trainer:
    defaults = {"max_epochs": 1, "enable_checkpointing": False, "accelerator": "cpu", "num_sanity_val_steps": 0}
    return L.Trainer(default_root_dir=folder, **(QUIET | defaults | options))


class Recorder(L.Callback):
    """Losses, lambdas and weights after each training forward."""

    def __init__(self) -> None:
        self.loss: list[float] = []
        self.lambda_: list[float] = []
        self.weight: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: FaceRecognizer, outputs, *args) -> None:
        self.loss.append(float(outputs["loss"]))
        head = pl_module.classifier.head
        self.lambda_.append(float(head.lambda_) if isinstance(head, ASoftmax) else float("nan"))
        self.weight.append({name: p.detach().clone() for name, p in pl_module.named_parameters()})


def weights(model: FaceRecognizer) -> dict[str, Tensor]:
    return {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}


@pytest.fixture(scope="module")
def images(tiny_records: Path) -> Tensor:
    source = FaceRecords(tiny_records)
    decoded = [torch.from_numpy(decode(source.read(i), "")).permute(2, 0, 1) for i in range(0, 96, 24)]
    return torch.stack(decoded)


# ---- use as a library


def test_library_use(tiny_records: Path, tmp_path: Path, images: Tensor) -> None:
    source = FaceRecords(tiny_records)
    pairs = sample_pairs(source, [i for i, c in enumerate(source.labels) if c >= 8], 16, seed=1, num_folds=2)
    data = FaceDataModule(
        root=tiny_records,
        benchmarks={"tiny": PairBenchmark(pairs=pairs, num_folds=2, num_bootstrap=10)},
        batch_size=8,
        num_workers=0,
        transform=A.Compose([A.HorizontalFlip(p=0.5)]),
    )
    model = FaceRecognizer(backbone=SphereNet(4), head=ASoftmax(margin=4), num_classes=data.num_classes)
    before = weights(model)["backbone.fc.weight"].clone()
    runner = L.Trainer(max_steps=3, accelerator="cpu", default_root_dir=tmp_path, **QUIET, enable_checkpointing=False)
    runner.fit(model, data)
    [figures] = runner.test(model, data, verbose=False)
    assert {"test/tiny/accuracy@sphereface", "test/tiny/auc", "test/tiny/eer"} <= set(figures)
    assert not torch.equal(weights(model)["backbone.fc.weight"], before)
    embedding = model.embed(images[0])
    assert embedding.shape == (1024,)
    assert float(embedding.norm()) == pytest.approx(1)
    assert int(model.classifier.head.step) == 3


def test_learns_to_tell_the_training_identities(tiny_records: Path, tmp_path: Path) -> None:
    recorder, runner = Recorder(), trainer(tmp_path, max_epochs=3)
    runner.callbacks.append(recorder)
    model = recognizer(CosFace(scale=8, margin=0.1), optimizer=partial(torch.optim.Adam, lr=2e-3))
    runner.fit(model, faces(tiny_records))
    assert sum(recorder.loss[-4:]) < 0.5 * sum(recorder.loss[:4])
    assert float(runner.callback_metrics["train/accuracy"]) > 0.5


def test_what_is_logged(tiny_records: Path, tmp_path: Path) -> None:
    runner = trainer(tmp_path, log_every_n_steps=1)
    runner.fit(recognizer(), faces(tiny_records))
    logged = set(runner.callback_metrics)
    assert {"train/loss", "train/accuracy", "train/skipped", "train/lambda"} <= logged
    assert {"val/heldout/auc", "val/heldout/eer", "val/heldout/accuracy@strict"} <= logged
    assert runner.callback_metrics["train/lambda"] == pytest.approx(1000 / (1 + 0.12 * STEPS))


def test_validation_chooses_the_checkpoint(tiny_records: Path, tmp_path: Path) -> None:
    best = L.pytorch.callbacks.ModelCheckpoint(tmp_path, "best", monitor="val/heldout/auc", mode="max")
    runner = trainer(tmp_path, callbacks=[best], enable_checkpointing=True)
    runner.fit(recognizer(), faces(tiny_records))
    assert Path(best.best_model_path).name == "best.ckpt"
    assert best.best_model_score == runner.callback_metrics["val/heldout/auc"]


# ---- annealing


def test_lambda_advances_in_training_only(tiny_records: Path, tmp_path: Path) -> None:
    model, data, runner = recognizer(), faces(tiny_records), trainer(tmp_path)
    runner.validate(model, data, verbose=False)
    assert int(model.classifier.head.step) == 0
    runner.fit(model, data)  # with a validation at its end
    assert int(model.classifier.head.step) == STEPS
    model.eval()
    model.embed(torch.zeros(1, 3, 112, 112, dtype=torch.uint8))
    model.classifier(torch.ones(1, 8), torch.tensor([0]))
    assert int(model.classifier.head.step) == STEPS


@pytest.mark.parametrize(
    ("options", "num_forwards"),
    [
        ({"max_epochs": 2}, 2 * STEPS),
        ({"max_epochs": 2, "accumulate_grad_batches": 2}, 2 * STEPS),
        ({"max_epochs": 2, "accumulate_grad_batches": 3}, 2 * STEPS),
        ({"max_epochs": -1, "max_steps": 6, "accumulate_grad_batches": 2}, 12),
        ({"max_epochs": 2, "limit_train_batches": 5}, 10),
    ],
    ids=["plain", "accumulated", "accumulated with a rest", "steps", "limited"],
)
def test_annealing_is_relative_to_the_forwards_of_the_run(
    tiny_records: Path, tmp_path: Path, options: dict, num_forwards: int
) -> None:
    recorder = Recorder()
    model = recognizer(ASoftmax(anneal=0.5))
    trainer(tmp_path, callbacks=[recorder], **options).fit(model, faces(tiny_records))
    assert int(model.classifier.head.step) == len(recorder.lambda_) == num_forwards
    half = num_forwards // 2
    assert recorder.lambda_[half - 1] == pytest.approx(5)
    assert recorder.lambda_[half - 2] > 5.1


def test_the_schedule_spans_the_optimizer_steps_of_the_run(tiny_records: Path, tmp_path: Path) -> None:
    runner = trainer(tmp_path, max_epochs=2, accumulate_grad_batches=2)
    model = recognizer(scheduler=cosine)
    runner.fit(model, faces(tiny_records))
    assert runner.global_step == STEPS
    assert runner.optimizers[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_accumulation_equals_one_large_batch(tiny_records: Path, tmp_path: Path) -> None:
    ends = []
    for batch_size, accumulate in ((16, 1), (8, 2)):
        model = recognizer(CosFace(scale=8))
        data = faces(tiny_records, batch_size=batch_size)
        trainer(tmp_path, accumulate_grad_batches=accumulate).fit(model, data)
        ends.append(weights(model))
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, rtol=1e-4, atol=1e-6)


# ---- optimizer


def test_parameter_groups_of_the_default_optimizer(tiny_records: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = FaceRecognizer(SphereNet(4, 8, (48, 40)), NormFace(learnable=True), 8, centre_lr_factor=0.5)
    runner = trainer(tmp_path, max_steps=1)
    runner.fit(model, faces(tiny_records))
    groups = {g["name"]: g for g in runner.optimizers[0].param_groups}
    assert {name: (g["weight_decay"], g["initial_lr"]) for name, g in groups.items()} == {
        "decay": (5e-4, 0.1),
        "no_decay": (0.0, 0.1),
        "centres": (5e-4, 0.05),
    }
    assert {id(p) for p in groups["no_decay"]["params"]} == {id(p) for p in model.parameters() if p.ndim < 2}
    assert [id(p) for p in groups["centres"]["params"]] == [id(model.classifier.weight)]


def test_undecayed_parameters_stay_without_gradient(tiny_records: Path, tmp_path: Path) -> None:
    """PReLU slopes of a network whose loss ignores them keep their values; weights shrink."""

    class Indifferent(CosFace):
        def scale(self, norm: Tensor) -> Tensor:
            return 0.0 * norm

    model = recognizer(Indifferent(), optimizer=partial(torch.optim.SGD, lr=0.1, weight_decay=0.5))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trainer(tmp_path, max_steps=1).fit(model, faces(tiny_records))
    for name, p in model.named_parameters():
        torch.testing.assert_close(p, before[name] * (1.0 if p.ndim < 2 else 0.95), msg=name)


# ---- checkpoints


@pytest.fixture(scope="module")
def checkpoint(tiny_records: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FaceRecognizer]:
    """A trained A-Softmax model and the file that it was saved to, after a validation."""
    folder = tmp_path_factory.mktemp("checkpoint")
    model, runner = recognizer(), trainer(folder)
    runner.fit(model, faces(tiny_records))
    runner.save_checkpoint(folder / "last.ckpt")
    return folder / "last.ckpt", model


def parts(**changes) -> dict:
    return {"backbone": SphereNet(4, 8, (48, 40)), "head": ASoftmax(), "num_classes": 8} | changes


def test_a_reloaded_model_gives_identical_embeddings(checkpoint: tuple[Path, FaceRecognizer], images: Tensor) -> None:
    path, model = checkpoint
    reloaded = FaceRecognizer.load_from_checkpoint(path, weights_only=True, **parts())
    assert torch.equal(reloaded.embed(images), model.embed(images))
    assert torch.equal(reloaded.classifier.weight, model.classifier.weight)
    assert int(reloaded.classifier.head.step) == STEPS


def test_a_checkpoint_rebuilds_the_model_without_its_head(
    checkpoint: tuple[Path, FaceRecognizer], images: Tensor
) -> None:
    path, model = checkpoint
    rebuilt = FaceEmbedder.from_checkpoint(path)
    torch.testing.assert_close(rebuilt.embed(images), model.embed(images), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["os.system", "torch.nn.Linear", "nowhere.Backbone"])
def test_a_checkpoint_cannot_call_anything_but_a_backbone(
    checkpoint: tuple[Path, FaceRecognizer], tmp_path: Path, name: str
) -> None:
    saved = torch.load(checkpoint[0], weights_only=True)
    saved["marginface"]["backbone"] = {"class": name, "command": "true"}
    torch.save(saved, tmp_path / "evil.ckpt")
    with pytest.raises(ValueError, match=name):
        FaceEmbedder.from_checkpoint(tmp_path / "evil.ckpt")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"backbone": SphereNet(4, 16, (48, 40))}, "backbone: .*'embedding_dim': 8.*here .*'embedding_dim': 16"),
        ({"backbone": SphereNet(10, 8, (48, 40))}, "backbone: checkpoint .*'depth': 4.*here .*'depth': 10"),
        ({"head": CosFace()}, "head: checkpoint ASoftmax, here CosFace"),
        ({"head": Softmax()}, "head: checkpoint ASoftmax, here Softmax"),
        ({"num_classes": 9}, "num_classes: checkpoint 8, here 9"),
        ({"preprocess": Preprocess((48, 40), flip="sum")}, "preprocess: checkpoint .*'concat'.*here .*'sum'"),
        ({"preprocess": Preprocess((48, 40), channel_order="BGR")}, "preprocess: checkpoint .*'RGB'.*here .*'BGR'"),
    ],
    ids=["width", "depth", "head", "softmax", "num_classes", "flip", "channel_order"],
)
def test_a_checkpoint_of_another_model_is_refused_naming_both(
    checkpoint: tuple[Path, FaceRecognizer], changes: dict, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        FaceRecognizer.load_from_checkpoint(checkpoint[0], weights_only=True, **parts(**changes))


def test_resuming_another_model_is_refused_too(
    checkpoint: tuple[Path, FaceRecognizer], tiny_records: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="head: checkpoint ASoftmax, here CosFace"):
        trainer(tmp_path, max_epochs=2).fit(
            recognizer(CosFace()), faces(tiny_records), ckpt_path=checkpoint[0], weights_only=True
        )


class Interrupt(L.Callback):
    """Saves after some steps and stops the run there."""

    def __init__(self, path: Path, step: int) -> None:
        self.path, self.step = path, step

    def on_train_batch_end(self, trainer: L.Trainer, *args) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)
            raise RuntimeError("power cut")


@pytest.mark.parametrize("step", [3, STEPS, STEPS + 5])
def test_a_resumed_run_is_bit_equal(tiny_records: Path, tmp_path: Path, step: int) -> None:
    def data() -> FaceDataModule:
        return faces(tiny_records, transform=A.Compose([A.HorizontalFlip(), A.RandomBrightnessContrast()]))

    class Random(ASoftmax):  # draws from torch's generator, as ElasticFace's margins do
        def target(self, row: Row) -> Tensor:
            return super().target(row) - 0.1 * torch.rand_like(row.cosine)

    def model() -> FaceRecognizer:
        return recognizer(Random(anneal=0.5), scheduler=partial(cosine, warmup=3))

    expected, recorder = Recorder(), Recorder()
    whole = model()  # seeds the generator from which its training draws
    trainer(tmp_path, max_epochs=2, callbacks=[expected]).fit(whole, data())
    cut = tmp_path / "cut.ckpt"
    with pytest.raises(RuntimeError, match="power cut"):
        trainer(tmp_path, max_epochs=2, callbacks=[Interrupt(cut, step)]).fit(model(), data())
    resumed = model()
    torch.manual_seed(12345)
    trainer(tmp_path, max_epochs=2, callbacks=[recorder]).fit(resumed, data(), ckpt_path=cut, weights_only=True)
    assert recorder.loss == expected.loss[step:]
    assert recorder.lambda_ == expected.lambda_[step:]
    ends = weights(whole), weights(resumed)
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


# ---- what Lightning can add


def test_average_of_the_weights(tiny_records: Path, tmp_path: Path, images: Tensor) -> None:
    recorder, model = Recorder(), recognizer()
    # Buffers are states, not weights: an averaged step of the annealing would be none.
    average = EMAWeightAveraging(decay=0.5, use_buffers=False)
    runner = trainer(tmp_path, callbacks=[recorder, average])
    runner.fit(model, faces(tiny_records))
    expected = recorder.weight[0]
    for later in recorder.weight[1:]:
        expected = {name: 0.5 * value + 0.5 * later[name] for name, value in expected.items()}
    for name, value in model.named_parameters():
        torch.testing.assert_close(value, expected[name])
    assert int(model.classifier.head.step) == STEPS
    runner.save_checkpoint(tmp_path / "average.ckpt")
    reloaded = FaceRecognizer.load_from_checkpoint(tmp_path / "average.ckpt", weights_only=True, **parts())
    assert torch.equal(reloaded.embed(images), model.embed(images))


def test_validation_sees_the_average_and_training_goes_on_without(tiny_records: Path, tmp_path: Path) -> None:
    plain, averaged, seen = Recorder(), Recorder(), []

    class Watch(L.Callback):
        def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: FaceRecognizer) -> None:
            seen.append(pl_module.classifier.weight.detach().clone())

    trainer(tmp_path, max_epochs=2, callbacks=[plain]).fit(recognizer(), faces(tiny_records))
    average = EMAWeightAveraging(decay=0.9, use_buffers=False)
    trainer(tmp_path, max_epochs=2, callbacks=[averaged, average, Watch()]).fit(recognizer(), faces(tiny_records))
    assert averaged.loss == plain.loss
    assert not torch.equal(seen[0], averaged.weight[STEPS - 1]["classifier.weight"])


def test_bf16_mixed(tiny_records: Path, tmp_path: Path) -> None:
    losses = []
    for precision in ("32-true", "bf16-mixed"):
        recorder, model = Recorder(), recognizer()
        trainer(tmp_path, precision=precision, callbacks=[recorder]).fit(model, faces(tiny_records))
        losses.append(recorder.loss)
        assert all(p.dtype == torch.float32 and torch.isfinite(p).all() for p in model.parameters())
    assert losses[0][0] != losses[1][0]
    assert losses[1][0] == pytest.approx(losses[0][0], rel=0.02)
    assert losses[1][-1] < 2 * losses[0][0]


def test_channels_last_trains_the_same(tiny_records: Path, tmp_path: Path) -> None:
    losses = []
    for channels_last in (False, True):
        recorder = Recorder()
        model = recognizer(channels_last=channels_last)
        trainer(tmp_path, max_steps=3, callbacks=[recorder]).fit(model, faces(tiny_records))
        losses.append(recorder.loss)
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_gradient_clipping(tiny_records: Path, tmp_path: Path) -> None:
    model = recognizer(optimizer=partial(torch.optim.SGD, lr=1.0), scheduler=cosine)
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    trainer(tmp_path, max_steps=1, gradient_clip_val=1e-3).fit(model, faces(tiny_records))
    moved = torch.cat([p.detach().flatten() for p in model.parameters()]) - before
    assert float(moved.norm()) == pytest.approx(1e-3, rel=0.01)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_batch(tiny_records: Path, tmp_path: Path) -> None:
    class Explodes(CosFace):
        steps = 0

        def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
            self.steps += 1

        def scale(self, norm: Tensor) -> Tensor:
            return super().scale(norm) * (float("inf") if self.steps == 3 else 1.0)

    model, data = recognizer(Explodes()), faces(tiny_records)
    runner = trainer(tmp_path, callbacks=[StopOnNonFinite(tmp_path / "evidence")])
    with pytest.raises(NonFiniteLossError, match="step 2"):
        runner.fit(model, data)
    [path] = (tmp_path / "evidence").iterdir()
    evidence = torch.load(path, weights_only=True)
    third = list(faces(tiny_records).train_dataloader())[2]
    assert torch.equal(evidence["batch"]["image"], third["image"])
    assert torch.equal(evidence["batch"]["label"], third["label"])
    inspected = recognizer(Explodes(), seed=1)
    inspected.load_state_dict(evidence["state_dict"])
    assert all(torch.isfinite(p).all() for p in inspected.parameters())


# ---- what does not fit


def test_num_classes_must_be_that_of_the_data(tiny_records: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="num_classes=9 of the recognizer differs from the 8 training identities"):
        trainer(tmp_path).fit(recognizer(num_classes=9), faces(tiny_records))


def test_source_size_must_be_that_of_the_data(tiny_records: Path, tmp_path: Path) -> None:
    model = recognizer(preprocess=Preprocess((48, 40), (128, 128)))
    with pytest.raises(ValueError, match=r"preprocess.source_size=\(128, 128\) differs from the data's \(112, 112\)"):
        trainer(tmp_path).fit(model, faces(tiny_records))


def test_any_loader_of_batches_will_do(tmp_path: Path) -> None:
    """Without a data module: dictionaries of image and label are the contract."""
    batches = [
        {"image": torch.randint(0, 256, (4, 3, 112, 112)).to(torch.uint8), "label": torch.randint(0, 8, (4,))}
        for _ in range(2)
    ]
    model = recognizer()
    trainer(tmp_path).fit(model, torch.utils.data.DataLoader(batches, batch_size=None))
    assert int(model.classifier.head.step) == 2
