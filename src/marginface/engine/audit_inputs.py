"""What an audit looks at: opened, and refused where it makes no sense, before the long work begins."""

import logging
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from marginface.audit import NameList, SetNames, read_names
from marginface.benchmark import Benchmark
from marginface.data.source import FaceSource
from marginface.datamodule import generate_missing
from marginface.engine.settings import refuse_unset

log = logging.getLogger(__name__)


def refuse_contradictions(cfg: DictConfig) -> None:
    """Refuse settings that leave open what to do, or exclude each other.

    Raises:
        ValueError: Not exactly one model or audit.json is given, or none although some are needed.
    """
    given = [key for key in ("ckpt", "weights", "clean") if cfg.get(key) is not None]
    if not cfg.embeddings:
        _refuse_model(cfg, given)
    elif len(given) != 1:
        raise ValueError(
            f"ckpt={cfg.ckpt}, weights={cfg.weights}, clean={cfg.clean}: give exactly one of them: ckpt=PATH of a "
            "training run, weights=PATH of published weights together with backbone=NAME, or clean=PATH of an "
            "audit.json; or set embeddings=false for what needs no model: exact duplicates, names, statistics"
        )
    if cfg.class_names is not None and cfg.names is None:
        raise ValueError(f"class_names={cfg.class_names} is compared with nothing: add names=PATH of a list of people")


def _refuse_model(cfg: DictConfig, given: list[str]) -> None:
    if given:
        raise ValueError(f"embeddings=false asks no model, but {given[0]}={cfg[given[0]]} is given: leave one of them")
    if cfg.get("benchmark"):
        raise ValueError(
            f"benchmark={list(cfg.benchmark)} is compared by embeddings, and embeddings=false makes none: give ckpt= "
            "or weights=, or compare by name with names=PATH"
        )
    if cfg.trainer.devices not in (1, "auto"):
        raise ValueError(
            f"trainer.devices={cfg.trainer.devices}, but embeddings=false runs in one process: set trainer.devices=1, "
            "and data.num_workers for more readers"
        )


def open_source(cfg: DictConfig) -> FaceSource:
    """The training set, made first where it can be.

    Raises:
        ValueError: Something of the data is left to be filled in, or people are to be told apart in classes that
            are no people.
        DataError: The data are missing or damaged.
    """
    refuse_unset(cfg.data)
    root = Path(cfg.data.root)
    generate_missing(root, instantiate(cfg.data.generate))
    source: FaceSource = instantiate(cfg.data.source)(root)
    if cfg.clean is None and getattr(source, "closed_set", False) and (cfg.embeddings or cfg.names is not None):
        raise ValueError(
            f"the classes of {root} are those that its benchmark asks for, not people: label noise, classes that look "
            "the same and people shared with benchmarks mean nothing here; set embeddings=false and names=null for "
            "duplicates and statistics"
        )
    return source


def open_names(cfg: DictConfig, source: FaceSource) -> SetNames | None:
    """Names of the classes and of a benchmark's people, if these are given.

    Raises:
        ValueError: The classes have no names, or not one each.
        DataError: A list is missing or damaged.
    """
    if cfg.names is None:
        return None
    listed = read_names(cfg.names)
    _tell(cfg.names, listed)
    own = getattr(source, "classes", None)
    if cfg.class_names is not None:
        named = read_names(cfg.class_names)
        _tell(cfg.class_names, named)
        classes = named.of_classes(own)
    elif own is not None:
        classes = [[name] for name in own]
    else:
        raise ValueError(
            f"names={cfg.names}: this training set does not name its classes; add class_names=PATH of a text file with "
            "one name a line, in the order of the labels"
        )
    names = SetNames(classes=classes, listed=listed.names)
    names.check(source.num_classes)
    return names


def _tell(path: str, found: NameList) -> None:
    log.info("%s: %d names, read as %s, such as %r", path, len(found.names), found.layout, found.names[0])


def open_benchmarks(cfg: DictConfig) -> dict[str, Benchmark]:
    """The benchmarks whose people should not be in the training set, by name."""
    return {str(name): instantiate(node) for name, node in (cfg.get("benchmark") or {}).items()}
