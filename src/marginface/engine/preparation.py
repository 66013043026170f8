"""`src/prepare.py`: one step of making a data set ready."""

import logging

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from marginface.engine.settings import refuse_unknown
from marginface.prepare.card import write_figures

log = logging.getLogger(__name__)

PREPARE_STEPS = ("detect", "align", "pack", "pack_pairs", "unpack", "convert", "clean", "verify")
ONLY_READS = {"verify"}  # have no `out`
PREPARE_KEYS = {"step", "root", "out", "metrics", "run_dir", *PREPARE_STEPS}


def prepare_data(cfg: DictConfig) -> None:
    """Run the step that the config names, with the settings below its name.

    Args:
        cfg: as composed from ``conf/prepare.yaml``.

    Raises:
        ValueError: An unknown step or key, or a value that the step needs and nobody gave.
    """
    refuse_unknown(cfg, PREPARE_KEYS)
    known = ", ".join(PREPARE_STEPS)
    if OmegaConf.is_missing(cfg, "step") or cfg.step not in PREPARE_STEPS:
        given = "is missing" if OmegaConf.is_missing(cfg, "step") else f"{cfg.step!r} is unknown"
        raise ValueError(f"step {given}: pass step=NAME, one of {known}")
    paths = ("root",) if cfg.step in ONLY_READS else ("root", "out")
    missing = [name for name in paths if OmegaConf.is_missing(cfg, name)]
    missing += [f"{cfg.step}.{name}" for name in cfg[cfg.step] if OmegaConf.is_missing(cfg[cfg.step], name)]
    if missing:
        raise ValueError(f"step={cfg.step} needs {', '.join(missing)}: pass {' '.join(f'{m}=...' for m in missing)}")
    card = instantiate(cfg[cfg.step], _convert_="all")(**{name: cfg[name] for name in paths})
    if cfg.metrics is not None:
        write_figures(cfg.metrics, card)
    people = "" if card.num_identities is None else f" of {card.num_identities} identities"
    dropped = "".join(f", {count} left out ({kind})" for kind, count in card.dropped.items())
    log.info("%s: %d images%s%s; see %s", cfg.step, card.num_images, people, dropped, cfg[paths[-1]])
