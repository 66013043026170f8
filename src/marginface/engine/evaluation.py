"""`src/eval.py`: measure a model, or embeddings made elsewhere."""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from marginface.benchmark import Benchmark, FeatureFiles
from marginface.data.errors import DataNotFoundError
from marginface.datamodule import BenchmarkDataModule
from marginface.embedding import Embeddings
from marginface.engine.build import build_benchmarks, build_trainer, load_embedder
from marginface.engine.launch import distributed_job
from marginface.engine.publish import publish, write_outcomes
from marginface.engine.settings import EVAL_KEYS, prepare

log = logging.getLogger(__name__)

SOURCES = ("ckpt", "weights", "features")  # of embeddings to evaluate


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
    outcome = benchmark.evaluate(benchmark.read_features(str(cfg.features)))
    try:
        images = {name: benchmark.images}
    except DataNotFoundError:
        log.info("the images of %s are not on disk: its hardest pairs are shown without them", name)
        images = {}
    write_outcomes({name: outcome}, images, {"model": Path(cfg.features).stem, "features": str(cfg.features)}, cfg)


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
