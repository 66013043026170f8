"""A run that was killed in mid-epoch ends exactly like one that was not."""

import csv
import os
import signal
import subprocess
import time

import pytest
import torch

STEPS_PER_EPOCH = (24 - 4) * 8 // 8


def overrides(command, folder, *more):
    return command.small(
        "head=asoftmax",
        "data.num_workers=2",
        "trainer.max_epochs=2",
        "trainer.log_every_n_steps=1",
        "callbacks.last.every_n_train_steps=7",
        "test=false",
        "logger=csv",
        f"hydra.run.dir={folder}",
        *more,
    )


def kill_in_the_second_epoch(command, folder):
    """Start training, wait for a checkpoint within the second epoch, SIGKILL the whole process group."""
    last = folder / "checkpoints" / "last.ckpt"
    process = subprocess.Popen(
        command.words("train", *overrides(command, folder)),
        cwd=command.root,
        env=command.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 200
    while process.poll() is None and time.monotonic() < deadline:
        if last.exists() and STEPS_PER_EPOCH < torch.load(last, weights_only=True)["global_step"]:
            break
        time.sleep(0.01)
    assert process.poll() is None, "training ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def rows(folder):
    """(step, column) -> value of everything logged, as text: bit-equal floats print alike."""
    with (folder / "csv" / "metrics.csv").open() as file:
        return {
            (row["step"], key): value
            for row in csv.DictReader(file)
            for key, value in row.items()
            if value and key not in ("step", "epoch")
        }


@pytest.mark.slow
def test_killed_in_mid_epoch_then_resumed_is_bit_equal(command, tmp_path):
    whole, broken, resumed = tmp_path / "whole", tmp_path / "broken", tmp_path / "resumed"
    command("train", *overrides(command, whole))
    kill_in_the_second_epoch(command, broken)
    last = broken / "checkpoints" / "last.ckpt"
    stopped_at = torch.load(last, weights_only=True)["global_step"]
    assert STEPS_PER_EPOCH < stopped_at < 2 * STEPS_PER_EPOCH
    command("train", *overrides(command, resumed, f"ckpt={last}"))

    first, second = (torch.load(f / "checkpoints" / "last.ckpt", weights_only=True) for f in (whole, resumed))
    assert first["global_step"] == second["global_step"] == 35
    for name, value in first["state_dict"].items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, second["state_dict"][name]), name
    assert int(first["state_dict"]["classifier.head.step"]) == 35
    momentum = [c["optimizer_states"][0]["state"][0]["momentum_buffer"] for c in (first, second)]
    assert torch.equal(*momentum)

    expected, logged = rows(whole), rows(resumed)
    assert any(key == "val/heldout/auc" for _, key in logged)
    assert any(key == "train/lambda" for _, key in logged)
    assert {k: v for k, v in expected.items() if k in logged} == logged
    assert {int(step) for step, key in logged if key == "train/loss_step"} == set(range(stopped_at, 40))


@pytest.mark.slow
def test_resume_from_the_end_of_an_epoch(command, tmp_path):
    whole, half, resumed = tmp_path / "whole", tmp_path / "half", tmp_path / "resumed"
    settings = ("head=cosface", "callbacks.last.every_n_train_steps=5", "trainer.limit_val_batches=1")
    command("train", *overrides(command, whole, *settings))
    command("train", *overrides(command, half, *settings, "+callbacks.timer={_target_:lightning.pytorch.callbacks.Timer}",
                                "trainer.max_epochs=2", "+trainer.limit_predict_batches=1"))
    best = torch.load(half / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["global_step"] % STEPS_PER_EPOCH == 0
    command("train", *overrides(command, resumed, *settings, f"ckpt={half}/checkpoints/best.ckpt"))
    first, second = (torch.load(f / "checkpoints" / "last.ckpt", weights_only=True) for f in (whole, resumed))
    assert first["global_step"] == second["global_step"] == 40
    for name, value in first["state_dict"].items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, second["state_dict"][name]), name
