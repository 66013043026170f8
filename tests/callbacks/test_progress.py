import re
from pathlib import Path

import lightning as L
import pytest
from lightning.pytorch.loggers import CSVLogger

from marginface import FaceDataModule, FaceRecognizer
from marginface.backbone import SphereNet
from marginface.callbacks import ImageProgressBar
from marginface.head import CosFace


class Recorder(L.Callback):
    """What the bar shows after each step."""

    def __init__(self) -> None:
        self.shown: list[dict] = []

    def on_train_batch_end(self, trainer: L.Trainer, *args) -> None:
        self.shown.append(dict(trainer.progress_bar_callback.train_progress_bar.format_dict))


def run(folder: Path, records: Path) -> Recorder:
    data = FaceDataModule(records, batch_size=8, num_workers=0)
    model = FaceRecognizer(SphereNet(4, 8, (32, 32)), CosFace(), data.num_classes)
    recorder = Recorder()
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=1,
        limit_train_batches=4,
        callbacks=[ImageProgressBar(refresh_rate=1), recorder],
        logger=CSVLogger(folder),
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    trainer.fit(model, data)
    return recorder


def test_the_bar_counts_images(tiny_records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorder = run(tmp_path, tiny_records)
    assert recorder.shown[-1]["unit"] == " images"
    assert recorder.shown[-1]["unit_scale"] == 8
    printed = capsys.readouterr()
    last = [line for line in re.split(r"[\r\n]", printed.out + printed.err) if "Epoch 0" in line][-1]
    assert re.search(r"32(\.0)?/32(\.0)? ", last), last
    assert "images/s" in last
    assert "train/loss=" in last
    assert "v_num" not in last


def test_without_a_data_module_it_counts_batches(tmp_path: Path) -> None:
    from lightning.pytorch.demos.boring_classes import BoringModel

    recorder = Recorder()
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=1,
        limit_train_batches=2,
        limit_val_batches=0,
        callbacks=[ImageProgressBar(refresh_rate=1), recorder],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(BoringModel())
    assert recorder.shown[-1]["unit"] == "it"
