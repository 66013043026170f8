"""What a config may say, and what is settled before anything is built."""

import logging
import os
import warnings

import torch
from omegaconf import DictConfig, OmegaConf

from marginface.hardware import best_precision, can_compile, require_devices

log = logging.getLogger(__name__)

SHARED_KEYS = {
    *("seed", "ckpt", "compile", "matmul_precision", "run_dir", "results_dir"),
    *("backbone", "preprocess", "data", "augment", "benchmark", "trainer"),
}
TRAIN_KEYS = {
    *SHARED_KEYS,
    *("head", "classifier", "recognizer", "optimizer", "scheduler", "callbacks", "logger", "test", "objective"),
}
EVAL_KEYS = {*SHARED_KEYS, "weights", "features", "export", "cache_dir", "channels_last"}
REPORT_KEYS = {"results", "names", "out", "run_dir"}


def prepare(cfg: DictConfig, known: set[str]) -> None:
    """Resolve what says ``auto``, check what can be checked at once, seed everything."""
    from lightning import seed_everything  # only now: other commands read settings without it

    refuse_unknown(cfg, known)
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
    seed_everything(cfg.seed, workers=True)


def refuse_unknown(cfg: DictConfig, known: set[str]) -> None:
    """Refuse keys that no command looks at: Hydra takes any from a YAML file, and from overrides with ``+``."""
    unknown = sorted(str(key) for key in set(cfg) - known - {"hydra"})
    if unknown:
        raise ValueError(f"unknown config key(s) {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def refuse_unset(data: DictConfig) -> None:
    """Refuse a data set of which something is left to be filled in (``???``), such as its folder."""
    unset = sorted(map(str, OmegaConf.missing_keys(data)))
    if unset:
        raise ValueError(f"{', '.join(unset)} must be set, as in {unset[0]}=VALUE; conf/data/ says what it means")


def quieten() -> None:
    """Say each thing once, and nothing that does not apply here."""
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).handlers.clear()  # Hydra's root logger prints these messages already
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_no_advertisement)
    # PairVerification recognises the images that the sampler repeats.
    warnings.filterwarnings("ignore", message="Using `DistributedSampler` with the dataloaders")
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")
    # Only a sharded classifier makes layers in configure_model, and that one refuses weight averaging.
    warnings.filterwarnings("ignore", message="You're using the WeightAveraging callback with a model that overrides")


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return "Tip: For seamless cloud" not in record.getMessage()
