"""marginface's parts in somebody else's Hydra application, and somebody else's head in ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HEAD = '''
"""A head from outside."""

from torch import Tensor

from marginface.head import CosFace
from marginface.head.base import Row


class ShyFace(CosFace):
    """CosFace with half its margin."""

    def target(self, row: Row) -> Tensor:
        return row.cosine - self.margin / 2
'''
APP = """
import hydra


@hydra.main(version_base="1.3", config_path="conf", config_name="app")
def main(cfg):
    from hydra.utils import instantiate

    classifier = instantiate(cfg.classifier)(instantiate(cfg.head), 11, cfg.backbone.embedding_dim)
    print(type(classifier.head).__name__, cfg.backbone.depth, classifier.head.margin)


main()
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application with one head of its own: a class on the path and a YAML."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "conf" / "head").mkdir(parents=True)
    (folder / "shyface.py").write_text(HEAD)
    (folder / "conf" / "head" / "shyface.yaml").write_text("_target_: shyface.ShyFace\nscale: 16.0\nmargin: 0.2\n")
    defaults = {"defaults": ["_self_", {"head": "cosface"}, {"backbone": "sphere20"}, {"classifier": "dense"}]}
    (folder / "conf" / "app.yaml").write_text(yaml.safe_dump(defaults))
    (folder / "app.py").write_text(APP)
    return folder


def run(theirs: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(theirs)}
    done = subprocess.run(
        [sys.executable, *words], cwd=theirs, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_their_application_finds_our_configs(theirs: Path) -> None:
    assert run(theirs, "app.py").split() == ["CosFace", "20", "0.35"]


def test_their_application_finds_its_own_head_beside_ours(theirs: Path) -> None:
    assert run(theirs, "app.py", "head=shyface", "backbone=sphere4").split() == ["ShyFace", "4", "0.2"]


@pytest.mark.slow
def test_our_command_trains_with_their_head(theirs: Path, root: Path, tiny_records: Path, tmp_path: Path) -> None:
    words = [
        *("--config-dir", str(theirs / "conf"), "head=shyface", "backbone=sphere4", "data=records", "logger=none"),
        *(f"data.root={tiny_records}", "data.batch_size=8", "data.num_workers=0", "callbacks=last"),
        *("trainer.max_steps=2", "trainer.accelerator=cpu", "trainer.limit_val_batches=0", f"hydra.run.dir={tmp_path}"),
    ]
    run(theirs, str(root / "src" / "train.py"), *words)
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()
