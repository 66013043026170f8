"""`src/audit.py`: what is wrong with a training set, and the list of what to leave out."""

import logging
import time
from pathlib import Path

import numpy as np
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

import marginface
from marginface.audit import (
    AuditReport,
    AuditSettings,
    Comparison,
    SetNames,
    compare,
    judge,
    scan_images,
    summary,
    without_embeddings,
    write_audit,
)
from marginface.audit import clean as write_clean
from marginface.audit.duplicates import first_of_each
from marginface.benchmark import Benchmark
from marginface.data.source import FaceSource
from marginface.embedder import all_batches
from marginface.embedding import Embeddings
from marginface.engine.audit_data import AuditDataModule
from marginface.engine.audit_inputs import open_benchmarks, open_names, open_source, refuse_contradictions
from marginface.engine.build import build_trainer, load_embedder
from marginface.engine.launch import distributed_job
from marginface.engine.publish import describe_model
from marginface.engine.settings import SHARED_KEYS, prepare

log = logging.getLogger(__name__)

AUDIT_KEYS = {
    *SHARED_KEYS,
    *("weights", "embeddings", "settings", "names", "class_names", "num_shown", "clean", "drop_list", "reasons"),
    *("cache_dir", "channels_last"),
}


def audit(cfg: DictConfig) -> None:
    """Audit a training set, or write the drop list of an audit beside the data.

    Args:
        cfg: as composed from ``conf/audit.yaml``.

    Raises:
        ValueError: if settings contradict each other, or names lack one of their lists.
        DataError: if the data are missing or damaged.
    """
    refuse_contradictions(cfg)
    prepare(cfg, AUDIT_KEYS)
    source = open_source(cfg)
    if cfg.clean is not None:
        _clean(cfg, source)
        return
    names, settings = open_names(cfg, source), instantiate(cfg.settings)
    if cfg.embeddings:
        audit_by_model(cfg, source, names, settings)
    else:
        audit_without_model(cfg, source, names, settings)


def audit_without_model(cfg: DictConfig, source: FaceSource, names: SetNames | None, settings: AuditSettings) -> None:
    """Look at bytes, pixels and names only."""
    log.info("reading %d images", len(source))
    scan = scan_images(source, cfg.data.num_workers)
    found = without_embeddings(source.labels[np.flatnonzero(scan.intact)])
    _publish(cfg, judge(source, scan, found, settings, names, {"model": "none", **_made()}), {})


def audit_by_model(cfg: DictConfig, source: FaceSource, names: SetNames | None, settings: AuditSettings) -> None:
    """Look at embeddings too; several processes share all of it."""
    benchmarks, model = open_benchmarks(cfg), load_embedder(cfg)
    data = AuditDataModule(
        source,
        benchmarks,
        model.preprocess.source_size,
        cfg.data.eval_batch_size,
        cfg.data.num_workers,
        cfg.cache_dir,
    )
    data.probe(benchmarks)  # now: a benchmark that is not there should not show after hours
    listener = _Listener(data, settings)
    model.judge = listener.take  # type: ignore[method-assign]
    with distributed_job():
        trainer = build_trainer(cfg)
        if not all_batches(trainer.limit_test_batches):
            raise ValueError(
                f"trainer.limit_test_batches={trainer.limit_test_batches}: an audit needs all images; leave it at "
                "null, and trainer.fast_dev_run at false"
            )
        log.info("reading %d images", len(source))
        trainer.test(model, data, verbose=False)
        if trainer.is_global_zero:
            assert listener.found is not None
            about = {**describe_model(model, trainer, cfg), **_made()}
            _publish(cfg, judge(source, data.scan, listener.found, settings, names, about), benchmarks)


class _Listener:
    """Takes the embeddings of one set after the other, and compares when it has all; every process does."""

    def __init__(self, data: AuditDataModule, settings: AuditSettings) -> None:
        self._data, self._settings, self._names = data, settings, list(data.benchmarks)
        self._others: list[Embeddings] = []
        self.found: Comparison | None = None

    def take(self, benchmark: Benchmark, embeddings: Embeddings) -> None:
        training = self._data.training
        if benchmark is not training:
            self._others.append(embeddings)
            return
        distinct = first_of_each(self._data.scan.digest[training.index])
        others = dict(zip(self._names, self._others, strict=True))
        self.found = compare(embeddings, training.labels, distinct, self._settings, others)


def _publish(cfg: DictConfig, report: AuditReport, benchmarks: dict[str, Benchmark]) -> None:
    images = {name: each.images for name, each in benchmarks.items()}
    page = write_audit(Path(cfg.results_dir), report, images, cfg.num_shown)
    log.info("report: %s\n%s", page, summary(report))


def _clean(cfg: DictConfig, source: FaceSource) -> None:
    kept = write_clean(source, Path(cfg.clean), Path(cfg.drop_list), cfg.reasons)
    log.info(
        "%s leaves out %d images and %d classes; %d images of %d classes stay",
        *(cfg.drop_list, kept.num_dropped_images, kept.num_dropped_classes, len(kept), kept.num_classes),
    )


def _made() -> dict[str, str]:
    versions = f"marginface {marginface.__version__}, torch {torch.__version__}"
    return {"date": time.strftime("%Y-%m-%d %H:%M"), "versions": versions}
