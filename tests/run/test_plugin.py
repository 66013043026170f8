"""A head from outside trains by the command, its config found through ``hydra.searchpath``."""

import os
import subprocess
from pathlib import Path

import pytest
import torch
import yaml

HEAD = '''
"""A head that knows nothing of marginface but the base class."""

from torch import Tensor

from marginface.head import Head
from marginface.head.base import Row


class MyHead(Head):
    """Cosine less a constant, on a fixed scale."""

    def __init__(self, gap: float, factor: float = 16.0) -> None:
        super().__init__()
        self.gap, self.factor = gap, factor

    def scale(self, norm: Tensor) -> Tensor:
        return norm.new_tensor(self.factor)

    def target(self, row: Row) -> Tensor:
        return row.cosine - self.gap
'''
QUICK = ("trainer.max_steps=2", "trainer.limit_val_batches=0", "logger=none", "callbacks=last", "test=false")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a head's class and, in a config folder of its own, the head's YAML."""
    (tmp_path / "myhead.py").write_text(HEAD)
    config = tmp_path / "conf_extra" / "head" / "myhead.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("_target_: myhead.MyHead\ngap: 0.1\n")
    return tmp_path


def train(command, outside: Path, *words: str) -> subprocess.CompletedProcess:
    """The command with the folder on the Python path and its configs on Hydra's."""
    small = [*command.small(*QUICK), f"hydra.run.dir={outside / 'run'}"]
    path = [str(outside), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        command.words("train", *words, *small),
        cwd=command.root,
        env={**command.environment(), "PYTHONPATH": os.pathsep.join(filter(None, path))},
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )


def search(outside: Path) -> str:
    return f"hydra.searchpath=[file://{outside / 'conf_extra'}]"


@pytest.mark.slow
def test_a_head_from_outside_trains(command, outside):
    done = train(command, outside, "head=myhead", "head.gap=0.2", search(outside))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    saved = torch.load(outside / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert (saved["marginface"]["head"], saved["global_step"]) == ("MyHead", 2)
    composed = yaml.safe_load((outside / "run" / ".hydra" / "config.yaml").read_text())
    assert composed["head"] == {"_target_": "myhead.MyHead", "gap": 0.2}  # nothing of the default head is left


def test_without_the_search_path_the_head_is_unknown(command, outside):
    done = train(command, outside, "head=myhead")
    assert done.returncode != 0
    assert "Could not find 'head/myhead'" in done.stderr
    assert "asoftmax" in done.stderr  # the choices there are
