"""The pipeline reruns what depends on a change, and nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

QUICK = (
    "trainer.max_epochs=1 trainer.limit_train_batches=2 trainer.precision=32-true compile=false data.num_workers=0 "
    "data.batch_size=8 data.num_validation_identities=20 data.num_validation_pairs=20"
)


def dvc(folder: Path, *words: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # stages say `python`
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def clone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the checkout in a repository of their own, with tiny settings and the sample pulled."""
    folder = tmp_path_factory.mktemp("clone")
    tracked = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True)
    for name in tracked.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_file():
            shutil.copy2(root / name, folder / name)
    (folder / "dvc.lock").unlink(missing_ok=True)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    (folder / "params.yaml").write_text(yaml.safe_dump({**params, "overrides": QUICK}))
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    dvc(folder, "pull", "--remote", "sample", "data.dvc")
    return folder


def test_sample_comes_without_a_network(clone):
    assert {p.name for p in (clone / "data" / "synthetic").iterdir()} == {
        "train.rec",
        "train.idx",
        "property",
        "synthetic.bin",
    }


def test_no_default_remote(clone):
    assert "core.remote" not in dvc(clone, "config", "--list")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.slow
def test_repro_runs_what_depends_on_a_change(clone):
    first = dvc(clone, "repro")
    assert "Running stage 'train'" in first
    assert "Running stage 'evaluate'" in first
    assert "Running stage" not in dvc(clone, "repro")
    assert "auc" in dvc(clone, "metrics", "show")
    dvc(clone, "plots", "show", "--out", "plots_page")
    assert (clone / "plots_page" / "index.html").is_file()

    edit(clone / "conf" / "head" / "cosface.yaml", "margin: 0.35", "margin: 0.3")
    assert "Running stage" not in dvc(clone, "repro", "--dry")
    edit(clone / "conf" / "head" / "asoftmax.yaml", "margin: 4", "margin: 3")
    assert "Running stage 'train'" in dvc(clone, "repro", "--dry")
    edit(clone / "conf" / "head" / "asoftmax.yaml", "margin: 3", "margin: 4")
    edit(clone / "conf" / "benchmark" / "synthetic.yaml", "num_folds: 10", "num_folds: 5")
    again = dvc(clone, "repro", "--dry")
    assert "Running stage 'train'" not in again
    assert "Running stage 'evaluate'" in again
