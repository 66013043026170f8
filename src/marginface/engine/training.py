"""`src/train.py`: fit, then measure."""

import logging
from functools import partial
from pathlib import Path

import lightning as L
from hydra.utils import instantiate
from omegaconf import DictConfig

from marginface.checkpoint.model import read_checkpoint
from marginface.datamodule import FaceDataModule
from marginface.engine.build import build_benchmarks, build_recognizer, build_trainer
from marginface.engine.launch import distributed_job
from marginface.engine.publish import publish
from marginface.engine.settings import TRAIN_KEYS, prepare, refuse_unset
from marginface.report import write_training

log = logging.getLogger(__name__)


def train(cfg: DictConfig) -> float | None:
    """Fit a recognizer, then report its benchmarks with the best checkpoint.

    Args:
        cfg: as composed from ``conf/train.yaml``.

    Returns:
        The metric named by ``objective``, for sweepers; None if it was not measured.
    """
    prepare(cfg, TRAIN_KEYS)
    refuse_unset(cfg.data)
    datamodule: FaceDataModule = instantiate(cfg.data, _partial_=True)(benchmarks=partial(build_benchmarks, cfg))
    model = build_recognizer(cfg, datamodule.num_classes)
    with distributed_job():
        trainer = build_trainer(cfg)
        trainer.fit(model, datamodule, ckpt_path=_checkpoint(cfg), weights_only=True)
        objective = trainer.callback_metrics.get(cfg.objective)
        if trainer.is_global_zero:
            write_training(trainer.callback_metrics, Path(cfg.run_dir))
        if datamodule.benchmarks and cfg.test and not cfg.trainer.fast_dev_run:
            trainer.test(model, datamodule, ckpt_path=_best(trainer), weights_only=True, verbose=False)
            publish(model, trainer, cfg)
    log.info("run: %s", cfg.run_dir)
    return None if objective is None else float(objective)


def _checkpoint(cfg: DictConfig) -> str | None:
    """The checkpoint to resume from; read once, so that a bad one fails before anything starts."""
    if cfg.ckpt is None:
        return None
    read_checkpoint(Path(cfg.ckpt), with_centres=True)
    return str(cfg.ckpt)


def _best(trainer: L.Trainer) -> str | None:
    """The best checkpoint of this run; None, that is the final weights, where no held-out identities chose one."""
    path: str = getattr(trainer.checkpoint_callback, "best_model_path", "")
    if not path:
        log.warning("no checkpoint was chosen (no validation, or no callbacks.best): the final weights are reported")
    return path or None
