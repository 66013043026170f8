"""The pipeline reruns what depends on a change, and nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from marginface.backbone import SphereNet
from marginface.data.layout.photos import write_photos

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
    assert "pipelines/" not in first
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


FACES = "pipelines/faces/dvc.yaml"
STAGES = {"align@train", "align@pairs", "pack", "pack_pairs", "audit", "clean"}


def started(output: str) -> set[str]:
    return set(re.findall(rf"Running stage '{FACES}:([^']+)'", output))


@pytest.fixture
def photographed(clone: Path) -> Path:
    """The clone with a few photos, and a network without training for an audit that copies alone do not pass."""
    write_photos(
        clone / "photos", num_people=4, photos_per_person=3, num_duplicates=2, num_misfiled=0, num_folds=2, num_pairs=1
    )
    torch.manual_seed(0)
    torch.save(SphereNet(depth=4).state_dict(), clone / "sphere4.pt")
    path = clone / "pipelines" / "faces" / "params.yaml"
    params = yaml.safe_load(path.read_text())
    words = "backbone=sphere4 trainer.accelerator=cpu data.num_workers=0 trainer.enable_progress_bar=false"
    limits = {"own_cosine": -1, "other_margin": 2, "near_duplicate": 1, "same_identity": 1, "benchmark_overlap": 1}
    params["audit"] |= {"model": "weights", "path": "sphere4.pt", "words": words, **limits}
    path.write_text(yaml.safe_dump({**params, "num_folds": 2}))
    return clone


def test_the_pipeline_of_photos_begins_with_the_thresholds_of_the_command(root):
    params = yaml.safe_load((root / "pipelines" / "faces" / "params.yaml").read_text())["audit"]
    settings = yaml.safe_load((root / "conf" / "audit.yaml").read_text())["settings"]
    shared = set(params) & set(settings)
    assert len(shared) == 5
    assert {name: params[name] for name in shared} == {name: settings[name] for name in shared}


@pytest.mark.slow
def test_photos_become_a_cleaned_set(photographed):
    first = dvc(photographed, "repro", FACES)
    assert started(first) == STAGES
    assert "Running stage 'train'" not in first
    assert started(dvc(photographed, "repro", FACES)) == set()

    made = {path.stem: json.loads(path.read_text()) for path in (photographed / "results" / "faces").glob("*.json")}
    assert set(made) == {name.replace("@", "_") for name in STAGES}
    assert (made["align_train"]["num_images"], made["align_train"]["dropped/unusable landmarks"]) == (14, 1)
    assert (made["pack"]["num_identities"], made["pack"]["num_images"]) == (4, 14)
    assert made["pack_pairs"]["num_pairs"] == 4
    assert (made["audit"]["num_images"], made["audit"]["dropped/exact_duplicate"]) == (14, 2)
    assert made["clean"]["num_images"] == 12
    assert {"train.rec", "train.idx", "property", "card.json"} <= {
        path.name for path in (photographed / "outputs" / "faces" / "clean").iterdir()
    }
    shown = dvc(photographed, "metrics", "show", "--json")
    for name in made:
        assert f"results/faces/{name}.json" in shown

    params = photographed / "pipelines" / "faces" / "params.yaml"
    for old, new, stages in (
        ("quality: 95", "quality: 90", {"align@train", "align@pairs", "pack", "pack_pairs"}),
        ("num_folds: 2", "num_folds: 4", {"pack_pairs", "audit"}),
        ("benchmark_overlap: 1", "benchmark_overlap: 0.9", {"audit"}),
        ("repack: true", "repack: false", {"clean"}),
        ("detect: {}", "detect: {train: photos/train}", {"detect@train"}),
    ):
        edit(params, old, new)
        assert started(dvc(photographed, "repro", "--dry", FACES)) == stages
        edit(params, new, old)
