"""The commands tell about themselves at once: without torch or anything else that is slow to import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HEAVY = ("torch", "lightning", "numpy", "cv2", "timm", "torchmetrics", "albumentations", "dvclive")
SCRIPTS = ("prepare", "train", "eval", "audit", "preview", "report", "synthesize")
# A sweep cannot be shown (Hydra refuses --cfg with -m): it runs, and each job prints its config instead of training.
SWEEP = """
import runpy, sys, types
training = types.ModuleType("marginface.engine.training")
training.train = lambda cfg: print("job", cfg.head._target_, cfg.backbone.depth, cfg.trainer.devices)
sys.modules["marginface.engine.training"] = training
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to put first on the Python path: who imports a heavy package, fails."""
    folder = tmp_path_factory.mktemp("traps")
    for name in HEAVY:
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')\n")
    return folder


def call(root: Path, traps: Path, script: str, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(root / "src" / f"{script}.py"), *words],
        cwd=traps,  # the commands work from any folder
        env={**os.environ, "PYTHONPATH": str(traps)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_photos_are_prepared_without_lightning(root: Path, tmp_path: Path) -> None:
    (tmp_path / "lightning.py").write_text("raise SystemExit('lightning was imported')\n")
    done = call(root, tmp_path, "prepare", "step=verify", f"root={tmp_path}")
    assert "card.json is missing" in done.stderr


def test_the_traps_catch(traps: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import torch"], env={**os.environ, "PYTHONPATH": str(traps)}, capture_output=True
    )
    assert b"torch was imported" in done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_needs_no_torch(root: Path, traps: Path, script: str) -> None:
    done = call(root, traps, script, "--help")
    assert done.returncode == 0, done.stderr
    assert "== Config ==" in done.stdout
    groups = dict(line.split(": ", 1) for line in done.stdout.split("== Config ==")[0].splitlines() if ": " in line)
    for folder in (path for path in (root / "conf").iterdir() if path.is_dir() and path.name != "__pycache__"):
        assert groups[folder.name].split(", ") == sorted(path.stem for path in folder.glob("*.yaml"))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("train", ("head=asoftmax", "backbone=sphere64", "trainer.devices=8")),
        ("train", ("experiment=sphereface_casia",)),
        ("eval", ("ckpt=some.ckpt", "benchmark=[lfw,cfp_fp]")),
        ("synthesize", ("data.generate.num_identities=7",)),
    ],
)
def test_the_config_is_shown_without_torch(root: Path, traps: Path, script: str, words: tuple[str, ...]) -> None:
    done = call(root, traps, script, *words, "--cfg", "job")
    assert done.returncode == 0, done.stderr
    cfg = yaml.safe_load(done.stdout)
    if "trainer.devices=8" in words:
        assert (cfg["trainer"]["devices"], cfg["backbone"]["depth"], cfg["head"]["margin"]) == (8, 64, 4)
    if script == "eval":
        assert list(cfg["benchmark"]) == ["lfw", "cfp_fp"]
    if script == "synthesize":
        assert cfg["data"]["generate"]["num_identities"] == 7


def test_a_sweep_composes_every_combination_without_torch(root: Path, traps: Path, tmp_path: Path) -> None:
    words = ["-m", "head=softmax,asoftmax", "backbone=sphere4,sphere64", f"hydra.sweep.dir={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-c", SWEEP, str(root / "src" / "train.py"), *words, "trainer.devices=8"],
        cwd=traps,
        env={**os.environ, "PYTHONPATH": str(traps)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    jobs = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("job marginface")]
    heads = ("marginface.head.Softmax", "marginface.head.ASoftmax")
    assert jobs == [[head, depth, "8"] for head in heads for depth in ("4", "64")]


@pytest.mark.parametrize("word", ["head=asoftmx", "head.margn=4", "trainer.device=2"])
def test_a_mistyped_word_is_refused_at_once(root: Path, traps: Path, word: str) -> None:
    done = call(root, traps, "train", word)
    assert done.returncode != 0
    assert word.split("=")[1 if word.startswith("head=") else 0].split(".")[-1] in done.stderr
    assert not list(traps.glob("outputs/**/*.ckpt"))


def test_running_does_import_torch(root: Path, traps: Path, tmp_path: Path) -> None:
    assert "was imported" in call(root, traps, "train", f"hydra.run.dir={tmp_path}").stderr
