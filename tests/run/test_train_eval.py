"""Training, then evaluating its checkpoint, by the commands a user types."""

import csv
import json

import pytest


@pytest.mark.slow
def test_eval_repeats_what_training_reported(command, faces, tmp_path):
    run, report = tmp_path / "run", tmp_path / "report"
    command("train", *command.small("benchmark=synthetic", f"hydra.run.dir={run}"))
    done = command(
        "eval",
        f"ckpt={run}/checkpoints/best.ckpt",
        f"data.root={faces}",
        "data.num_workers=0",
        "cache_dir=null",
        "trainer.accelerator=cpu",
        f"hydra.run.dir={report}",
    )
    first, second = (json.loads((folder / "metrics.json").read_text()) for folder in (run, report))
    assert first == second
    figure = first["synthetic"]["auc"]
    assert figure["low"] <= figure["value"] <= figure["high"]
    assert "synthetic" in done.stdout
    with (report / "roc.csv").open() as file:
        far = [float(row["far"]) for row in csv.DictReader(file)]
    assert far == sorted(far)
    assert {p.name for p in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert any((run / "tensorboard").iterdir())
