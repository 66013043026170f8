"""Multirun sweeps, also with several processes per job."""

import csv
import json
from pathlib import Path

import pytest
import torch


def compared(folder: Path) -> list[dict[str, str]]:
    """The rows of a sweep's comparison."""
    with (folder / "comparison.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_each_job_runs_once_in_its_own_directory_on_two_processes(command, tmp_path):
    small = command.small("benchmark=synthetic", "trainer.devices=2", "trainer.limit_train_batches=3", "logger=csv")
    done = command("train", "-m", "head=softmax,cosface", *small, f"hydra.sweep.dir={tmp_path}")
    folders = sorted(p.name for p in tmp_path.iterdir() if p.is_dir())
    assert folders == ["0_softmax_sphere4", "1_cosface_sphere4"]
    for folder, head in zip(folders, ("Softmax", "CosFace"), strict=True):
        job = tmp_path / folder
        saved = torch.load(job / "checkpoints" / "last.ckpt", weights_only=True)
        assert saved["marginface"]["head"] == head
        assert saved["global_step"] == 3
        assert "synthetic" in json.loads((job / "metrics.json").read_text())
        # each process of a job writes one log, and the second one takes part in this job only
        assert sorted(p.name for p in job.glob("*.log")) == ["train.log", "train_ddp_process_1.log"]
        for log in job.glob("*.log"):
            assert log.read_text().count("Initializing distributed") == 1
    assert done.stdout.count("MEMBER: 1/2") == 2
    assert done.stdout.count("MEMBER: 2/2") == 2
    check_comparison(tmp_path, folders, ("softmax", "cosface"))
    assert done.stdout.count("comparison of the jobs") == 1


def check_comparison(folder: Path, names: list[str], heads: tuple[str, ...]) -> None:
    """One row a job with what the job itself wrote, and the same in the files to look at."""
    rows = compared(folder)
    assert [(row["folder"], row["head"], row["status"]) for row in rows] == [
        (name, head, "completed") for name, head in zip(names, heads, strict=True)
    ]
    for row in rows:
        job = folder / row["folder"]
        trained = json.loads((job / "training.json").read_text())
        assert float(row["train/loss"]) == trained["train/loss"]
        assert float(row["objective"]) == trained["val/heldout/auc"]
        for figure, estimate in json.loads((job / "metrics.json").read_text())["synthetic"].items():
            found = [float(row[f"synthetic/{figure}{part}"]) for part in ("", "/low", "/high")]
            assert found == [estimate[key] for key in ("value", "low", "high")]
    text = (folder / "comparison.md").read_text()
    assert all(head in text for head in heads)
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_grid_of_heads_and_backbones(command, tmp_path):
    small = command.small(
        "trainer.limit_train_batches=1", "trainer.limit_val_batches=0", "logger=none", "callbacks=last"
    )
    grid = ("head=softmax,asoftmax", "backbone=sphere4,sphere20")  # the last word on a group counts
    command("train", "-m", *small, *grid, f"hydra.sweep.dir={tmp_path}")
    jobs = {p.name.split("_", 1)[1] for p in tmp_path.iterdir() if p.is_dir()}
    assert jobs == {"softmax_sphere4", "softmax_sphere20", "asoftmax_sphere4", "asoftmax_sphere20"}
    assert sorted(p.name[0] for p in tmp_path.iterdir() if p.is_dir()) == ["0", "1", "2", "3"]


@pytest.mark.slow
def test_a_failed_job_does_not_cost_the_comparison(command, tmp_path):
    small = command.small(
        "trainer.limit_train_batches=1", "trainer.limit_val_batches=0", "logger=none", "callbacks=last"
    )
    words = ("head=softmax", "optimizer.lr=-1,0.01", f"hydra.sweep.dir={tmp_path}")
    done = command("train", "-m", *small, *words, check=False)
    assert done.returncode == 1
    failed, completed = compared(tmp_path)
    assert (failed["optimizer.lr"], failed["status"], failed["train/loss"]) == ("-1", "failed", "")
    assert failed["reason"] == "ValueError: Invalid learning rate: -1"
    assert (completed["optimizer.lr"], completed["status"]) == ("0.01", "completed")
    assert float(completed["train/loss"]) > 0
    assert done.stdout.count("comparison of the jobs") == 1
    assert "failed: ValueError: Invalid learning rate: -1" in (tmp_path / "comparison.md").read_text()
