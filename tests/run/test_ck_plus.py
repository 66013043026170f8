"""Expressions learnt and told apart, fold by fold, by the commands a user types."""

import csv
import json
from pathlib import Path

import pytest
import torch

from marginface.data.ck_plus_sequences import EXPRESSIONS
from marginface.data.layout.ck_plus import write_ck_plus

SMALL = (
    "experiment=ck_plus",
    "backbone=sphere4",
    "augment=none",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
    "data.num_workers=0",
    "logger=none",
)


@pytest.fixture(scope="module")
def ck_plus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve subjects with four labelled sequences each."""
    folder = tmp_path_factory.mktemp("ck_plus")
    write_ck_plus(folder, num_subjects=12, num_sequences=4, num_frames=(4, 4))
    return folder


@pytest.mark.slow
def test_a_sweep_over_folds_ends_in_their_mean_and_confusion(command, ck_plus, tmp_path):
    short = ("data.batch_size=16", "trainer.max_epochs=3", "head=cosface", "optimizer.lr=0.02")
    words = (f"data.root={ck_plus}", "data.source.fold=0,1", f"hydra.sweep.dir={tmp_path}")
    done = command("train", "-m", *SMALL, *short, *words)
    accuracy, total = [], torch.zeros(7, 7, dtype=torch.int64)
    for job in ("0_cosface_sphere4", "1_cosface_sphere4"):
        figures = json.loads((tmp_path / job / "metrics.json").read_text())["ck_plus"]
        confusion = json.loads((tmp_path / job / "confusion.json").read_text())["ck_plus"]
        counts = torch.tensor(confusion["counts"])
        assert confusion["names"] == list(EXPRESSIONS)
        assert int(counts.sum()) == 8  # sequences of two subjects
        assert figures["accuracy"]["value"] == pytest.approx(int(counts.trace()) / 8)
        assert figures["accuracy"]["over"] == "identities"
        assert set(figures) == {"accuracy", "accuracy@frames"}
        accuracy.append(figures["accuracy"]["value"])
        total += counts
        saved = torch.load(tmp_path / job / "checkpoints" / "last.ckpt", weights_only=True)
        assert len(saved["state_dict"]["classifier.weight"]) == 7
    assert int(total.trace()) >= 8  # of 16; by chance it would be two
    assert done.stdout.count("the final weights are reported") == 2  # nobody is held out to choose a checkpoint
    text = (tmp_path / "comparison.md").read_text()
    assert "## Mean over folds" in text
    assert f"{sum(accuracy) / 2:.4f} ± " in text
    with (tmp_path / "confusion.csv").open(newline="") as file:
        cells = {(row["true"], row["predicted"]): int(row["count"]) for row in csv.DictReader(file)}
    assert cells == {
        (true, name): int(total[i, j]) for i, true in enumerate(EXPRESSIONS) for j, name in enumerate(EXPRESSIONS)
    }
    last = tmp_path / "0_cosface_sphere4" / "checkpoints" / "last.ckpt"
    check_evaluation(command, f"ckpt={last}", f"data.root={ck_plus}", f"hydra.run.dir={tmp_path / 'eval'}")


def check_evaluation(command, *words: str) -> None:
    """A checkpoint alone cannot decide: its classifier belongs to the training run that knows its fold."""
    done = command(
        "eval", "benchmark=ck_plus", "benchmark.ck_plus.fold=0", "trainer.accelerator=cpu", *words, check=False
    )
    assert done.returncode == 1
    assert "ck_plus needs the classifier of a training run" in done.stderr


@pytest.mark.slow
def test_a_fold_must_be_chosen(command, ck_plus, tmp_path):
    done = command("train", *SMALL, f"data.root={ck_plus}", f"hydra.run.dir={tmp_path}", check=False)
    assert done.returncode == 1
    assert "fold=None is none of 0 to 9: choose the fold to test on" in done.stderr
