"""The command that draws faces."""

import subprocess
import sys
from pathlib import Path


def call(root: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "src" / "synthesize.py"), f"hydra.run.dir={cwd}/log", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


def test_photos_are_written_where_they_are_wanted(root: Path, tmp_path: Path) -> None:
    small = ("num_people=2", "photos_per_person=2", "num_folds=1", "num_pairs=1", "num_duplicates=1", "num_misfiled=0")
    words = [f"photos.generate.{word}" for word in small]
    done = call(root, tmp_path, "make=photos", "photos.root=own", *words, "seed=3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "synthetic photos are in own"
    assert len(list((tmp_path / "own" / "train").rglob("*.jpg"))) == 2 * 2 + 1 + 1
    assert (tmp_path / "own" / "pairs" / "pairs.txt").is_file()


def test_something_else_is_refused(root: Path, tmp_path: Path) -> None:
    done = call(root, tmp_path, "make=videos")
    assert done.returncode != 0
    assert "make='videos' is unknown: pass make=faces or make=photos" in done.stderr
