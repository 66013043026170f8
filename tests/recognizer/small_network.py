"""A network that trains within a second, its data and what is recorded of its training."""

from functools import partial
from pathlib import Path

import lightning as L
import torch
from torch import Tensor

from marginface import FaceDataModule, FaceRecognizer
from marginface.backbone import SphereNet
from marginface.head import ASoftmax, Head

STEPS = 8  # per epoch: 8 identities with 8 images, 8 a batch
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def faces(records: Path, **options) -> FaceDataModule:
    """8 identities to train on, 4 held out."""
    held_out = {"num_validation_identities": 4, "num_validation_pairs": 16, "num_validation_folds": 2}
    return FaceDataModule(records, **({"batch_size": 8, "num_workers": 0} | held_out | options))


def parts(**changes) -> dict:
    return {"backbone": SphereNet(4, 8, (48, 40)), "head": ASoftmax(), "num_classes": 8} | changes


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
