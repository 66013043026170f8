"""Training under Lightning: it learns, logs, chooses, and refuses what does not fit."""

from functools import partial
from pathlib import Path

import albumentations as A
import lightning as L
import pytest
import torch
from small_network import QUIET, STEPS, Recorder, faces, recognizer, trainer, weights
from torch import Tensor

from marginface import FaceDataModule, FaceRecognizer, Preprocess
from marginface.backbone import SphereNet
from marginface.benchmark import PairBenchmark
from marginface.data import FaceRecords, sample_pairs
from marginface.head import ASoftmax, CosFace


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
