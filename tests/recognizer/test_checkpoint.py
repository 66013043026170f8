"""Checkpoints: what comes back out of them, and for whom."""

from functools import partial
from pathlib import Path

import albumentations as A
import lightning as L
import pytest
import torch
from small_network import STEPS, Recorder, faces, parts, recognizer, trainer, weights
from torch import Tensor

from marginface import FaceDataModule, FaceEmbedder, FaceRecognizer, Preprocess
from marginface.backbone import SphereNet
from marginface.head import ASoftmax, CosFace, Row, Softmax
from marginface.schedule import cosine


@pytest.fixture(scope="module")
def checkpoint(tiny_records: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FaceRecognizer]:
    """A trained A-Softmax model and the file that it was saved to, after a validation."""
    folder = tmp_path_factory.mktemp("checkpoint")
    model, runner = recognizer(), trainer(folder)
    runner.fit(model, faces(tiny_records))
    runner.save_checkpoint(folder / "last.ckpt")
    return folder / "last.ckpt", model


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
