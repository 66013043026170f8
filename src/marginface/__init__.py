"""Train, evaluate and ship face-recognition models with margin heads.

Public names are imported on first use, so that ``import marginface`` (and with it Hydra's ``--help``) needs no torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "FaceDataModule": "marginface.datamodule",
    "FaceEmbedder": "marginface.embedder",
    "FaceRecognizer": "marginface.recognizer",
    "Preprocess": "marginface.preprocess",
}
_PACKAGES = ("backbone", "benchmark", "callbacks", "classifier", "data", "head", "matching", "metric", "outcome")

__all__ = ["FaceDataModule", "FaceEmbedder", "FaceRecognizer", "Preprocess", "__version__"]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"marginface.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'marginface' has no attribute {name!r}; public names: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_PACKAGES])
