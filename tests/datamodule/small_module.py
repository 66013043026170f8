"""A data module of few images, files for it, a short training on it."""

from pathlib import Path

import lightning as L
import numpy as np

from marginface import FaceDataModule, FaceRecognizer
from marginface.backbone import SphereNet
from marginface.data import FacePairs, encode, write_pairs
from marginface.head import CosFace

SPLIT = {"num_validation_identities": 4, "num_validation_pairs": 16, "num_validation_folds": 2}


def module(root: Path, **options) -> FaceDataModule:
    return FaceDataModule(root, **({"batch_size": 8, "num_workers": 0} | options))


def flat(value: int, size: tuple[int, int] = (112, 112)) -> bytes:
    return encode(np.full((*size, 3), value, dtype=np.uint8))


def pair_file(path: Path, size: tuple[int, int] = (112, 112)) -> Path:
    pictures = [flat(10 * i, size) for i in range(8)]
    write_pairs(path, FacePairs(pictures, np.arange(0, 8, 2), np.arange(1, 8, 2), np.array([True, False] * 2)))
    return path


def fit(data: FaceDataModule, folder: Path, ckpt: Path | None = None, model: FaceRecognizer | None = None, **options):
    trainer = L.Trainer(
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **({"max_epochs": 1, "enable_checkpointing": False} | options),
    )
    model = model or FaceRecognizer(SphereNet(4, 8, (32, 32)), CosFace(scale=8), data.num_classes)
    trainer.fit(model, data, ckpt_path=ckpt, weights_only=True)
    return trainer
