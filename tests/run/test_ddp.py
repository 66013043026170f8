"""Two processes train and evaluate like one."""

import csv
import json
import os
from pathlib import Path

import pytest
import torch

from marginface.data import read_pairs


def logged(folder, key):
    with (folder / "csv" / "metrics.csv").open() as file:
        return [float(row[key]) for row in csv.DictReader(file) if row.get(key)]


def train(command, folder, devices, *more):
    """20 steps, one epoch, of 8 images in all; notes the images of each step, and keeps the state after step 10."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        command(
            "train",
            *command.small(
                "head=asoftmax",
                "augment=none",
                "trainer.precision=64-true",
                "logger=csv",
                "trainer.max_steps=20",
                "trainer.log_every_n_steps=1",
                "callbacks.last.every_n_train_steps=10",
                "callbacks.last.save_top_k=-1",
                "++callbacks.last.filename='{step}'",
                "+callbacks.seen._target_=seen_images.SeenImages",
                f"+callbacks.seen.folder={folder / 'seen'}",
                f"trainer.devices={devices}",
                f"data.batch_size={8 // devices}",
                f"hydra.run.dir={folder}",
                *more,
            ),
        )
    return folder


def seen(folder):
    """The images of each step, over all processes; no two processes have one in common."""
    ranks = [[line.split() for line in path.read_text().splitlines()] for path in (folder / "seen").glob("rank*.txt")]
    images = [{image for _, image in rank} for rank in ranks]
    assert sum(map(len, images)) == len(set().union(*images))
    steps = {}
    for step, image in sorted(line for rank in ranks for line in rank):
        steps.setdefault(int(step), []).append(image)
    return steps


def after(folder, step):
    """The images of the steps from one on."""
    return {number: images for number, images in seen(folder).items() if number >= step}


@pytest.fixture(scope="module")
def runs(command, tmp_path_factory):
    """The same 20 steps on one process with batch 8 and on two processes with batch 4."""
    return [
        train(command, tmp_path_factory.mktemp(f"on{devices}"), devices, "benchmark=synthetic") for devices in (1, 2)
    ]


def assert_same_weights(first, second):
    one, two = (torch.load(f / "checkpoints" / "step=20.ckpt", weights_only=True) for f in (first, second))
    assert one["global_step"] == two["global_step"] == 20
    for name, value in one["state_dict"].items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(two["state_dict"][name], value, rtol=1e-6, atol=1e-9, msg=name)


@pytest.mark.slow
def test_same_weights_after_20_steps(runs):
    assert_same_weights(*runs)


@pytest.mark.slow
def test_same_images_in_every_step_and_each_once(runs):
    one, two = map(seen, runs)
    assert one == two
    assert sorted(one) == list(range(20))
    assert len({image for images in one.values() for image in images}) == 160


@pytest.mark.slow
def test_an_epoch_is_finished_on_another_number_of_processes(command, runs, tmp_path):
    whole = runs[1]
    ckpt = whole / "checkpoints" / "step=10.ckpt"
    rest = train(command, tmp_path / "on1", 1, f"ckpt='{ckpt}'", "test=false")
    assert seen(rest) == after(whole, 10)
    assert len(seen(rest)) == 10
    assert_same_weights(whole, rest)


@pytest.mark.slow
def test_same_figures_with_every_pair_counted_once(runs, faces):
    one, two = (json.loads((f / "metrics.json").read_text())["synthetic"] for f in runs)
    assert len(read_pairs(faces / "synthetic.bin").images) % 2 == 1, "an even split would not test the padding"
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert two[key]["value"] == pytest.approx(value["value"], abs=1e-6), key
    assert logged(runs[0], "val/heldout/auc") == pytest.approx(logged(runs[1], "val/heldout/auc"), abs=1e-6)
