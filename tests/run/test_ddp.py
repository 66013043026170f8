"""Two processes train and evaluate like one."""

import csv
import json

import pytest
import torch

from marginface.data import read_pairs


def logged(folder, key):
    with (folder / "csv" / "metrics.csv").open() as file:
        return [float(row[key]) for row in csv.DictReader(file) if row.get(key)]


@pytest.fixture(scope="module")
def runs(command, tmp_path_factory):
    """The same 20 steps on one process with batch 8 and on two processes with batch 4."""
    folders = []
    for devices, batch_size in ((1, 8), (2, 4)):
        folder = tmp_path_factory.mktemp(f"on{devices}")
        command(
            "train",
            *command.small(
                "head=asoftmax",
                "augment=none",
                "trainer.precision=64-true",
                "benchmark=synthetic",
                "logger=csv",
                "trainer.max_steps=20",
                "trainer.log_every_n_steps=1",
                "callbacks.last.every_n_train_steps=1",
                f"trainer.devices={devices}",
                f"data.batch_size={batch_size}",
                f"hydra.run.dir={folder}",
            ),
        )
        folders.append(folder)
    return folders


@pytest.mark.slow
def test_same_weights_after_20_steps(runs):
    one, two = (torch.load(f / "checkpoints" / "last.ckpt", weights_only=True) for f in runs)
    assert one["global_step"] == two["global_step"] == 20
    for name, value in one["state_dict"].items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(two["state_dict"][name], value, rtol=1e-6, atol=1e-9, msg=name)


@pytest.mark.slow
def test_same_figures_with_every_pair_counted_once(runs, faces):
    one, two = (json.loads((f / "metrics.json").read_text())["synthetic"] for f in runs)
    assert len(read_pairs(faces / "synthetic.bin").images) % 2 == 1, "an even split would not test the padding"
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert two[key]["value"] == pytest.approx(value["value"], abs=1e-6), key
    assert logged(runs[0], "val/heldout/auc") == pytest.approx(logged(runs[1], "val/heldout/auc"), abs=1e-6)
