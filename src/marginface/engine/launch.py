"""Several processes for a job, also within a sweep."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import open_dict, read_write

_LAUNCHER_VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")


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
