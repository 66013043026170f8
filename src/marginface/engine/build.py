"""From configs to objects."""

from pathlib import Path

import lightning as L
from hydra.utils import instantiate
from lightning.pytorch.callbacks import LearningRateMonitor, ProgressBar
from omegaconf import DictConfig

from marginface.backbone import load_weights
from marginface.benchmark import Benchmark
from marginface.embedder import FaceEmbedder
from marginface.recognizer import FaceRecognizer

PARTS = ("backbone", "preprocess", "head", "classifier", "optimizer", "scheduler")  # of a recognizer


def build_benchmarks(cfg: DictConfig) -> dict[str, Benchmark]:
    """The chosen benchmarks by name."""
    benchmarks = {str(name): instantiate(node) for name, node in (cfg.get("benchmark") or {}).items()}
    if cfg.get("export") is None:
        for benchmark in benchmarks.values():
            benchmark.require_truth()
    return benchmarks


def build_recognizer(cfg: DictConfig, num_classes: int) -> FaceRecognizer:
    """Assemble backbone, head, classifier, preprocess, optimizer and scheduler."""
    parts = {key: instantiate(cfg[key]) for key in PARTS}
    # Through a partial: arguments of instantiate itself would be merged into the config, that is copied.
    make = instantiate(cfg.recognizer, _partial_=True)
    model: FaceRecognizer = make(**parts, num_classes=num_classes, compile_backbone=bool(cfg.compile))
    return model


def load_embedder(cfg: DictConfig) -> FaceEmbedder:
    """Rebuild the model of a checkpoint, or put foreign weights into the chosen backbone."""
    if cfg.ckpt is None:
        if cfg.get("backbone") is None:
            raise ValueError("weights=PATH does not say which network it is; add backbone=NAME")
        model = FaceEmbedder(
            instantiate(cfg.backbone), instantiate(cfg.preprocess), cfg.channels_last, bool(cfg.compile)
        )
        load_weights(model.backbone, Path(cfg.weights))
        return model
    return FaceEmbedder.from_checkpoint(cfg.ckpt, cfg.channels_last, bool(cfg.compile))


def build_trainer(cfg: DictConfig) -> L.Trainer:
    """The Lightning trainer with its callbacks and loggers."""
    callbacks = [instantiate(c) for c in (cfg.get("callbacks") or {}).values() if c is not None]
    if not cfg.trainer.enable_progress_bar:  # Lightning refuses a bar that is switched off
        callbacks = [c for c in callbacks if not isinstance(c, ProgressBar)]
    loggers = [instantiate(c) for c in (cfg.get("logger") or {}).values() if c is not None]
    if not loggers:  # Lightning refuses a monitor that has nobody to tell
        callbacks = [c for c in callbacks if not isinstance(c, LearningRateMonitor)]
    trainer: L.Trainer = instantiate(cfg.trainer, _partial_=True)(callbacks=callbacks, logger=loggers or False)
    return trainer
