"""Multirun sweeps, also with several processes per job."""

import json

import pytest
import torch


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
