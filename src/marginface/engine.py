"""From a config to objects to a run: the only module that knows Hydra and DictConfig."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from lightning.pytorch.callbacks import LearningRateMonitor, ProgressBar
from omegaconf import DictConfig, open_dict, read_write

from marginface.backbone import load_weights
from marginface.benchmark import Benchmark, FeatureFiles, Outcome
from marginface.checkpoint import read_checkpoint
from marginface.datamodule import BenchmarkDataModule, FaceDataModule
from marginface.embedder import FaceEmbedder
from marginface.embeddings import Embeddings
from marginface.hardware import best_precision, can_compile, require_devices
from marginface.recognizer import FaceRecognizer
from marginface.report import format_figures, write_figures, write_training

log = logging.getLogger(__name__)

PARTS = ("backbone", "preprocess", "head", "classifier", "optimizer", "scheduler")  # of a recognizer
SHARED_KEYS = {
    *("seed", "ckpt", "compile", "matmul_precision", "run_dir", "results_dir"),
    *("backbone", "preprocess", "data", "augment", "benchmark", "trainer"),
}
TRAIN_KEYS = {
    *SHARED_KEYS,
    *("head", "classifier", "recognizer", "optimizer", "scheduler", "callbacks", "logger", "test", "objective"),
}
EVAL_KEYS = {*SHARED_KEYS, "weights", "features", "export", "cache_dir", "channels_last"}
SOURCES = ("ckpt", "weights", "features")  # of embeddings to evaluate
_LAUNCHER_VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")


def train(cfg: DictConfig) -> float | None:
    """Fit a recognizer, then report its benchmarks with the best checkpoint.

    Args:
        cfg: as composed from ``conf/train.yaml``.

    Returns:
        The metric named by ``objective``, for sweepers; None if it was not measured.
    """
    prepare(cfg, TRAIN_KEYS)
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


def evaluate(cfg: DictConfig) -> None:
    """Measure a checkpoint, foreign weights, or embeddings made elsewhere, on benchmarks.

    Args:
        cfg: as composed from ``conf/eval.yaml``.

    Raises:
        ValueError: if not exactly one of ``ckpt``, ``weights``, ``features`` is given, or there is nothing to evaluate.
    """
    given = [key for key in SOURCES if cfg.get(key) is not None]
    if len(given) != 1:
        raise ValueError(
            f"{', '.join(f'{key}={cfg.get(key)}' for key in SOURCES)}: give exactly one of them: ckpt=PATH of a "
            "training run, weights=PATH of published weights together with backbone=NAME, or features=PATH of "
            "embeddings in the benchmark's own format"
        )
    if not cfg.get("benchmark"):
        raise ValueError("benchmark is empty; choose at least one, e.g. benchmark=lfw or benchmark=[lfw,cfp_fp]")
    prepare(cfg, EVAL_KEYS)
    benchmarks = build_benchmarks(cfg)
    if cfg.features is not None:
        score_features(cfg, *_exchange(benchmarks, "features", cfg))
        return
    model = load_embedder(cfg)
    if cfg.export is not None:
        _exchange(benchmarks, "export", cfg)  # refused before anything is embedded
        model.judge = partial(export_features, path=str(cfg.export))  # type: ignore[method-assign]
    data = BenchmarkDataModule(
        benchmarks, model.preprocess.source_size, cfg.data.eval_batch_size, cfg.data.num_workers, cfg.cache_dir
    )
    with distributed_job():
        trainer = build_trainer(cfg)
        trainer.test(model, data, verbose=False)
        if cfg.export is None:
            publish(model, trainer, cfg)


def score_features(cfg: DictConfig, name: str, benchmark: Any) -> None:
    """Judge embeddings that were made elsewhere."""
    benchmark.check()
    outcomes = {name: benchmark.evaluate(benchmark.read_features(str(cfg.features)))}
    write_outcomes(outcomes, cfg)


def export_features(benchmark: Any, embeddings: Embeddings, path: str) -> None:
    """Write embeddings in the benchmark's own format, by one process."""
    if not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0:
        benchmark.write_features(embeddings, path)
        log.info("embeddings of %d images in %s", len(embeddings), path)


def _exchange(benchmarks: dict[str, Benchmark], key: str, cfg: DictConfig) -> tuple[str, Benchmark]:
    """The one benchmark that reads or writes files of embeddings."""
    able = [name for name, each in benchmarks.items() if isinstance(each, FeatureFiles)]
    if len(benchmarks) != 1 or not able:
        raise ValueError(
            f"{key}={cfg[key]} needs exactly one benchmark with a file format for embeddings (megaface, "
            f"trillion_pairs), got benchmark={list(benchmarks)}"
        )
    return able[0], benchmarks[able[0]]


def prepare(cfg: DictConfig, known: set[str]) -> None:
    """Resolve what says ``auto``, check what can be checked at once, seed everything."""
    unknown = sorted(str(key) for key in set(cfg) - known - {"hydra"})
    if unknown:  # Hydra refuses unknown overrides, but takes any key from a YAML file
        raise ValueError(f"unknown config key(s) {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    quieten()
    require_devices(cfg.trainer.accelerator, cfg.trainer.devices)
    if cfg.trainer.precision == "auto":
        cfg.trainer.precision = best_precision(cfg.trainer.accelerator)
        log.info("trainer.precision=auto chose %s", cfg.trainer.precision)
    if cfg.compile == "auto":
        cfg.compile = can_compile(cfg.trainer.accelerator)
        log.info("compile=auto chose %s", cfg.compile)
    if cfg.compile and not can_compile(cfg.trainer.accelerator):
        raise ValueError("compile=true needs a C++ compiler (and Triton on a GPU), none found; set compile=false")
    if cfg.matmul_precision is not None:
        torch.set_float32_matmul_precision(cfg.matmul_precision)
    L.seed_everything(cfg.seed, workers=True)


def quieten() -> None:
    """Say each thing once, and nothing that does not apply here."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).handlers.clear()  # Hydra's root logger prints these messages already
    # PairVerification recognises the images that the sampler repeats.
    warnings.filterwarnings("ignore", message="Using `DistributedSampler` with the dataloaders")
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")
    # Only a sharded classifier makes layers in configure_model, and that one refuses weight averaging.
    warnings.filterwarnings("ignore", message="You're using the WeightAveraging callback with a model that overrides")


def build_benchmarks(cfg: DictConfig) -> dict[str, Benchmark]:
    """The chosen benchmarks by name."""
    return {str(name): instantiate(node) for name, node in (cfg.get("benchmark") or {}).items()}


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


def publish(model: FaceEmbedder, trainer: L.Trainer, cfg: DictConfig) -> None:
    """Write and print the results, once."""
    if trainer.is_global_zero and trainer.limit_test_batches == 1.0:
        write_outcomes(model.outcomes, cfg)


def write_outcomes(outcomes: dict[str, Outcome], cfg: DictConfig) -> None:
    """Write and print what was measured."""
    write_figures(outcomes, Path(cfg.results_dir))
    log.info("results in %s\n%s", cfg.results_dir, format_figures(outcomes))


@contextmanager
def distributed_job() -> Iterator[None]:
    """Let Lightning's launcher start processes for this very job, also within a sweep.

    The launcher repeats this process's command line in each child and takes ``hydra.run.dir`` as its directory. In a
    sweep that line says ``--multirun``, so that each child would run the whole sweep, and the run directory is not
    the job's. Here both are those of the current job for as long as it runs; afterwards the variables by which a
    process knows its rank are put back, or the sweep's next job would take itself for a child.
    """
    argv, variables = sys.argv, {name: os.environ.get(name) for name in _LAUNCHER_VARIABLES}
    if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
        hydra: Any = HydraConfig.get()
        with read_write(hydra), open_dict(hydra):
            hydra.run.dir = hydra.runtime.output_dir
        sys.argv = [argv[0], *_config_flags(argv), *HydraConfig.get().overrides.task]
    try:
        yield
    finally:
        if torch.distributed.is_initialized() and variables["LOCAL_RANK"] is None:
            torch.distributed.destroy_process_group()
        sys.argv = argv
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _config_flags(argv: Sequence[str]) -> list[str]:
    """Hydra's own flags that say which config to compose."""
    names = ("--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd")
    flags: list[str] = []
    for i, word in enumerate(argv):
        if word in names:
            flags += argv[i : i + 2]
        elif word.startswith(tuple(f"{name}=" for name in names if name.startswith("--"))):
            flags.append(word)
    return flags


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
