"""What was measured, as files and on the screen."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path

import lightning as L
import torch
from omegaconf import DictConfig

import marginface
from marginface.data.image_set import ImageSet
from marginface.embedder import FaceEmbedder, all_batches
from marginface.outcome import Outcome
from marginface.report import format_figures, write_report

log = logging.getLogger(__name__)


def publish(model: FaceEmbedder, trainer: L.Trainer, cfg: DictConfig) -> None:
    """Write and print the results, once."""
    if trainer.is_global_zero and all_batches(trainer.limit_test_batches):
        assert model.extraction is not None
        images = {name: model.extraction.benchmarks[name].images for name in model.outcomes}
        write_outcomes(model.outcomes, images, describe_model(model, trainer, cfg), cfg)


def describe_model(model: FaceEmbedder, trainer: L.Trainer, cfg: DictConfig) -> dict[str, str]:
    """What was measured and how, for the report."""
    path = trainer.ckpt_path or cfg.ckpt or cfg.get("weights")
    settings = ", ".join(f"{key} {value}" for key, value in model.preprocess.settings().items())
    return {
        "model": Path(path).stem if path else type(model.backbone).__name__,
        "backbone": type(model.backbone).__name__,
        "checkpoint": str(path or "none"),
        "fingerprint": model.extraction.model[:16] if model.extraction else "",
        "preprocess": settings,
        "precision": str(trainer.precision),
    }


def write_outcomes(
    outcomes: Mapping[str, Outcome], images: Mapping[str, ImageSet], about: Mapping[str, str], cfg: DictConfig
) -> None:
    """Write and print what was measured.

    Args:
        outcomes: by benchmark.
        images: of each benchmark, where they are on disk.
        about: what was measured and how.
        cfg: says where to: ``results_dir``.
    """
    versions = f"marginface {marginface.__version__}, torch {torch.__version__}"
    made = {"date": time.strftime("%Y-%m-%d %H:%M"), "versions": versions}
    page = write_report(Path(cfg.results_dir), outcomes, images, {**about, **made})
    log.info("report: %s\n%s", page, format_figures(outcomes))
