"""`src/audit.py`: what is wrong with a training set, and the list of what to leave out."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

import marginface
from marginface.audit import (
    AuditSettings,
    Comparison,
    ImageScan,
    SetNames,
    TrainingImages,
    compare,
    judge,
    read_names,
    scan_images,
    summary,
    write_audit,
)
from marginface.audit import clean as write_clean
from marginface.audit.duplicates import first_of_each
from marginface.benchmark import Benchmark
from marginface.data.source import FaceSource
from marginface.datamodule import BenchmarkDataModule
from marginface.embedding import Embeddings
from marginface.engine.build import build_trainer, load_embedder
from marginface.engine.launch import distributed_job
from marginface.engine.publish import describe_model
from marginface.engine.settings import SHARED_KEYS, prepare

log = logging.getLogger(__name__)

AUDIT_KEYS = {
    *SHARED_KEYS,
    *("weights", "settings", "names", "class_names", "num_shown", "clean", "drop_list", "reasons"),
    *("cache_dir", "channels_last"),
}
TRAINING = "training set"  # its name among the benchmarks; no YAML can have it


def audit(cfg: DictConfig) -> None:
    """Audit a training set with a model, or write the drop list of an audit beside the data.

    Args:
        cfg: as composed from ``conf/audit.yaml``.

    Raises:
        ValueError: if not exactly one of ``ckpt``, ``weights``, ``clean`` is given, or names lack one of their lists.
        DataError: if the data are missing or damaged.
    """
    given = [key for key in ("ckpt", "weights", "clean") if cfg.get(key) is not None]
    if len(given) != 1:
        raise ValueError(
            f"ckpt={cfg.ckpt}, weights={cfg.weights}, clean={cfg.clean}: give exactly one of them: ckpt=PATH of a "
            "training run, weights=PATH of published weights together with backbone=NAME, or clean=PATH of an "
            "audit.json"
        )
    prepare(cfg, AUDIT_KEYS)
    source = _open(cfg)
    if cfg.clean is not None:
        _clean(cfg, source)
        return
    run_audit(cfg, source, _names(cfg, source))


def run_audit(cfg: DictConfig, source: FaceSource, names: SetNames | None) -> None:
    """Scan, embed and compare the training set, then write what was found."""
    settings: AuditSettings = instantiate(cfg.settings)
    log.info("reading %d images", len(source))
    scan = scan_images(source, cfg.data.num_workers)
    training = TrainingImages(source, scan)
    benchmarks: dict[str, Benchmark] = {
        str(name): instantiate(node) for name, node in (cfg.get("benchmark") or {}).items()
    }
    model = load_embedder(cfg)
    listener = _Listener(training, scan, settings, list(benchmarks))
    model.judge = listener.take  # type: ignore[method-assign]
    data = BenchmarkDataModule(
        {**benchmarks, TRAINING: training},  # last: by then the benchmarks' embeddings are known
        model.preprocess.source_size,
        cfg.data.eval_batch_size,
        cfg.data.num_workers,
        cfg.cache_dir,
    )
    with distributed_job():
        trainer = build_trainer(cfg)
        limit = trainer.limit_test_batches
        if limit != 1.0 or isinstance(limit, int):  # 1 is a single batch, 1.0 all of them
            raise ValueError(
                f"trainer.limit_test_batches={limit}: an audit needs all images; leave it at null, and "
                "trainer.fast_dev_run at false"
            )
        trainer.test(model, data, verbose=False)
        if trainer.is_global_zero:
            assert listener.found is not None
            report = judge(source, scan, listener.found, settings, names, _about(describe_model(model, trainer, cfg)))
            images = {name: each.images for name, each in benchmarks.items()}
            page = write_audit(Path(cfg.results_dir), report, images, cfg.num_shown)
            log.info("report: %s\n%s", page, summary(report))


class _Listener:
    """Takes the embeddings of one set after the other, and compares when it has all; every process does."""

    def __init__(
        self, training: TrainingImages, scan: ImageScan, settings: AuditSettings, names: Sequence[str]
    ) -> None:
        self._training, self._settings, self._names = training, settings, names
        self._distinct = first_of_each(scan.digest[training.index])
        self._others: list[Embeddings] = []
        self.found: Comparison | None = None

    def take(self, benchmark: Benchmark, embeddings: Embeddings) -> None:
        if benchmark is not self._training:
            self._others.append(embeddings)
            return
        others = dict(zip(self._names, self._others, strict=True))
        self.found = compare(embeddings, self._training.labels, self._distinct, self._settings, others)


def _open(cfg: DictConfig) -> FaceSource:
    root = Path(cfg.data.root)
    if cfg.data.generate is not None and not root.exists():
        log.info("%s does not exist; generating synthetic faces there", root)
        instantiate(cfg.data.generate)(root)
    source: FaceSource = instantiate(cfg.data.source)(root)
    return source


def _names(cfg: DictConfig, source: FaceSource) -> SetNames | None:
    if cfg.names is None:
        return None
    classes = getattr(source, "classes", None) if cfg.class_names is None else read_names(cfg.class_names)
    if classes is None:
        raise ValueError(
            f"names={cfg.names}: this training set does not name its classes; add class_names=PATH of a text file with "
            "one name a line, in the order of the labels"
        )
    return SetNames(classes=classes, listed=read_names(cfg.names))


def _clean(cfg: DictConfig, source: FaceSource) -> None:
    kept = write_clean(source, Path(cfg.clean), Path(cfg.drop_list), cfg.reasons)
    log.info(
        "%s leaves out %d images and %d classes; %d images of %d classes stay",
        *(cfg.drop_list, kept.num_dropped_images, kept.num_dropped_classes, len(kept), kept.num_classes),
    )


def _about(model: dict[str, str]) -> dict[str, str]:
    versions = f"marginface {marginface.__version__}, torch {torch.__version__}"
    return {**model, "date": time.strftime("%Y-%m-%d %H:%M"), "versions": versions}
