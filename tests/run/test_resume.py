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
        "callbacks.best.save_top_k=-1",
        "callbacks.best.filename='{epoch}'",
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
        if last.exists() and torch.load(last, weights_only=True)["global_step"] > STEPS_PER_EPOCH:
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


@pytest.fixture(scope="module")
def whole(command, tmp_path_factory):
    """The uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    command("train", *overrides(command, folder))
    return folder


def assert_same_end(whole, resumed):
    """Weights, lambda, momentum and every logged value are bit-equal."""
    first, second = (torch.load(f / "checkpoints" / "last.ckpt", weights_only=True) for f in (whole, resumed))
    assert first["global_step"] == second["global_step"] == 35
    assert int(first["state_dict"]["classifier.head.step"]) == 35
    for name, value in first["state_dict"].items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, second["state_dict"][name]), name
    momentum = [c["optimizer_states"][0]["state"][0]["momentum_buffer"] for c in (first, second)]
    assert torch.equal(*momentum)

    expected, logged = rows(whole), rows(resumed)
    assert any(key == "val/heldout/auc" for _, key in logged)
    assert any(key == "train/lambda" for _, key in logged)
    assert {k: v for k, v in expected.items() if k in logged} == logged
    return {int(step) for step, key in logged if key == "train/loss"}


@pytest.mark.slow
def test_killed_in_mid_epoch_then_resumed_is_bit_equal(command, whole, tmp_path):
    kill_in_the_second_epoch(command, tmp_path / "broken")
    last = tmp_path / "broken" / "checkpoints" / "last.ckpt"
    stopped_at = torch.load(last, weights_only=True)["global_step"]
    assert STEPS_PER_EPOCH < stopped_at < 2 * STEPS_PER_EPOCH
    command("train", *overrides(command, tmp_path / "resumed", f"ckpt={last}"))
    assert assert_same_end(whole, tmp_path / "resumed") == set(range(stopped_at, 40))


@pytest.mark.slow
def test_resumed_at_the_end_of_an_epoch_is_bit_equal(command, whole, tmp_path):
    end = whole / "checkpoints" / "epoch=0.ckpt"
    command("train", *overrides(command, tmp_path, f"ckpt='{end}'"))
    assert assert_same_end(whole, tmp_path) == set(range(STEPS_PER_EPOCH, 40))


# ---- samplers other than the default


def of_one_epoch(command, folder, *more):
    """20 steps of an epoch, with the state after step 13 kept."""
    command(
        "train",
        *command.small(
            "data.num_workers=1",
            "trainer.log_every_n_steps=1",
            "callbacks.last.every_n_train_steps=13",
            "++callbacks.last.filename='{step}'",
            "callbacks.last.save_top_k=-1",
            "test=false",
            "logger=csv",
            f"hydra.run.dir={folder}",
            *more,
        ),
    )
    return folder


def mixture(faces, folder):
    """Two sets, with weights; their images are the same, but their classes are not."""
    for name in ("one", "two"):
        (folder / name).symlink_to(faces)
    source = "{_target_: marginface.data.FaceRecords, _partial_: true}"
    return (
        "data=mixed",
        f"data.root={folder}",
        f"data.source.sources={{one: {source}, two: {source}}}",
        "data.source.weights={one: 3, two: 1}",
        "data.num_identities=20",
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pk", "mixed"])
def test_every_sampler_resumes_in_mid_epoch_bit_equal(command, faces, tmp_path, kind):
    words = mixture(faces, tmp_path) if kind == "mixed" else (f"sampler={kind}",)
    whole = of_one_epoch(command, tmp_path / "whole", *words)
    middle = whole / "checkpoints" / "step=13.ckpt"
    resumed = of_one_epoch(command, tmp_path / "resumed", f"ckpt='{middle}'", *words)
    expected, logged = rows(whole), rows(resumed)
    assert {int(step) for step, key in logged if key == "train/loss"} == set(range(13, 20))
    assert {k: v for k, v in expected.items() if k in logged} == logged
    ends = [torch.load(f / "checkpoints" / "best.ckpt", weights_only=True) for f in (whole, resumed)]
    assert ends[0]["global_step"] == ends[1]["global_step"] == 20
    for name, value in ends[0]["state_dict"].items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, ends[1]["state_dict"][name]), name
