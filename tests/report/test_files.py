import csv
import json
from pathlib import Path

import torch

from marginface.metric import Interval
from marginface.outcome import Confusion, Histogram, Outcome, RocCurve
from marginface.report import format_figures, write_figures, write_training

OUTCOMES = {
    "lfw": Outcome(
        figures={"auc": Interval(0.9, 0.85, 0.95), "tar@far=1e-2": Interval(0.5, 0.25, 0.75, "identities")},
        roc={"": RocCurve([0.0, 0.123456789, 1.0], [0.5, 0.75, 1.0])},
        histogram={"": Histogram([-0.5, 0.5], [1.0, 9.0], [8.0, 2.0])},
        unsupported={"tar@far=1e-6": "needs 1,000,000 impostor pairs, there are 10"},
        excluded={"pairs with a missing image": 3},
    ),
    "rfw": Outcome(
        figures={"asian/auc": Interval(0.8, 0.7, 0.9)}, roc={"asian": RocCurve([0.0, 1.0], [0.0, 1.0])}
    ),
}  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_figures_are_json_with_their_intervals_and_what_was_resampled(tmp_path: Path) -> None:
    write_figures(OUTCOMES, tmp_path / "made" / "if_need_be")
    figures = json.loads((tmp_path / "made" / "if_need_be" / "metrics.json").read_text())
    assert figures["lfw"]["auc"] == {"value": 0.9, "low": 0.85, "high": 0.95, "over": "pairs"}
    assert figures["lfw"]["tar@far=1e-2"]["over"] == "identities"
    assert {name: list(part) for name, part in figures.items()} == {
        "lfw": ["auc", "tar@far=1e-2"],
        "rfw": ["asian/auc"],
    }


def test_curves_are_tables_with_a_row_a_point(tmp_path: Path) -> None:
    write_figures(OUTCOMES, tmp_path)
    roc, scores = rows(tmp_path / "roc.csv"), rows(tmp_path / "scores.csv")
    assert [r["benchmark"] for r in roc] == ["lfw"] * 3 + ["rfw"] * 2
    assert roc[1] == {"benchmark": "lfw", "series": "", "far": "0.123457", "tar": "0.75"}
    assert roc[3]["series"] == "asian"
    assert len(scores) == 2 * 2
    assert scores[1] == {"benchmark": "lfw", "series": "", "pairs": "genuine", "score": "0.5", "count": "9"}
    assert scores[2] == {"benchmark": "lfw", "series": "", "pairs": "impostor", "score": "-0.5", "count": "8"}


def test_a_confusion_matrix_is_json(tmp_path: Path) -> None:
    counts = [[3, 1], [0, 2]]
    write_figures({"ck_plus": Outcome(figures={}, confusion=Confusion(("anger", "fear"), counts))}, tmp_path)
    text = json.loads((tmp_path / "confusion.json").read_text())
    assert text == {"ck_plus": {"names": ["anger", "fear"], "counts": counts}}


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    write_figures(OUTCOMES, tmp_path)
    write_figures({"lfw": OUTCOMES["lfw"]}, tmp_path)
    assert list(json.loads((tmp_path / "metrics.json").read_text())) == ["lfw"]
    assert len(rows(tmp_path / "roc.csv")) == 3


def test_the_last_values_of_training_are_json(tmp_path: Path) -> None:
    write_training({"train/loss": torch.tensor(2.5), "val/auc": 0.75}, tmp_path / "made" / "if_need_be")
    text = (tmp_path / "made" / "if_need_be" / "training.json").read_text()
    assert json.loads(text) == {"train/loss": 2.5, "val/auc": 0.75}


def test_printed_figures_stand_one_a_line() -> None:
    lines = [line.split() for line in format_figures(OUTCOMES).splitlines()]
    assert lines[:2] == [
        ["lfw", "auc", "0.9000", "[0.8500,", "0.9500]"],
        ["lfw", "tar@far=1e-2", "0.5000", "[0.2500,", "0.7500]"],
    ]
    assert " ".join(lines[2]) == "lfw tar@far=1e-6 no number: needs 1,000,000 impostor pairs, there are 10"
    assert " ".join(lines[3]) == "lfw left out: 3 pairs with a missing image"
    assert lines[4] == ["rfw", "asian/auc", "0.8000", "[0.7000,", "0.9000]"]
