import csv
import json
from pathlib import Path

import torch

from marginface.benchmark import Outcome
from marginface.benchmark.outcome import Confusion, Histogram, RocCurve
from marginface.metric import Interval
from marginface.report import format_figures, write_figures, write_training

OUTCOMES = {
    "lfw": Outcome(
        figures={"auc": Interval(0.9, 0.85, 0.95), "tar@far=1e-2": Interval(0.5, 0.25, 0.75, "identities")},
        roc={"": RocCurve([0.0, 0.123456789, 1.0], [0.5, 0.75, 1.0])},
        histogram={"": Histogram([-0.5, 0.5], [1.0, 9.0], [8.0, 2.0])},
        unsupported={"tar@far=1e-6": "needs 1000000 impostor pairs, there are 10"},
        excluded={"pairs with a missing image": 3},
    ),
    "cfp_fp": Outcome(
        figures={"auc": Interval(0.8, 0.7, 0.9)},
        roc={"a": RocCurve([0.0, 1.0], [0.0, 1.0]), "b": RocCurve([0.0, 1.0], [0.5, 1.0])},
    ),
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_figures_are_json_with_their_intervals(tmp_path: Path) -> None:
    write_figures(OUTCOMES, tmp_path / "made" / "if_need_be")
    figures = json.loads((tmp_path / "made" / "if_need_be" / "metrics.json").read_text())
    assert figures["lfw"]["auc"] == {"value": 0.9, "low": 0.85, "high": 0.95, "over": "pairs"}
    assert figures["lfw"]["tar@far=1e-2"]["over"] == "identities"
    assert {name: list(part) for name, part in figures.items()} == {"lfw": ["auc", "tar@far=1e-2"], "cfp_fp": ["auc"]}


def test_curves_are_tables_with_a_row_a_point(tmp_path: Path) -> None:
    write_figures(OUTCOMES, tmp_path)
    roc, scores = rows(tmp_path / "roc.csv"), rows(tmp_path / "scores.csv")
    assert [(r["benchmark"], r["series"]) for r in roc] == [("lfw", "")] * 3 + [("cfp_fp", "a")] * 2 + [
        ("cfp_fp", "b")
    ] * 2
    assert roc[1] == {"benchmark": "lfw", "series": "", "far": "0.123457", "tar": "0.75"}
    assert len(scores) == 2 * 2
    assert scores[1] == {"benchmark": "lfw", "series": "", "pairs": "genuine", "score": "0.5", "count": "9"}
    assert scores[2] == {"benchmark": "lfw", "series": "", "pairs": "impostor", "score": "-0.5", "count": "8"}


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    write_figures(OUTCOMES, tmp_path)
    write_figures({"lfw": OUTCOMES["lfw"]}, tmp_path)
    assert list(json.loads((tmp_path / "metrics.json").read_text())) == ["lfw"]
    assert len(rows(tmp_path / "roc.csv")) == 3


def test_a_confusion_matrix_is_a_file_of_its_own(tmp_path: Path) -> None:
    write_figures(OUTCOMES, tmp_path)
    assert not (tmp_path / "confusion.json").exists()
    outcome = Outcome(figures={}, confusion=Confusion(["a", "b"], [[3, 1], [0, 4]]))
    write_figures({"ck": outcome}, tmp_path)
    found = json.loads((tmp_path / "confusion.json").read_text())
    assert found == {"ck": {"names": ["a", "b"], "counts": [[3, 1], [0, 4]]}}


def test_the_last_values_of_training_are_json(tmp_path: Path) -> None:
    write_training({"train/loss": torch.tensor(2.5), "val/auc": 0.75}, tmp_path / "made" / "if_need_be")
    text = (tmp_path / "made" / "if_need_be" / "training.json").read_text()
    assert json.loads(text) == {"train/loss": 2.5, "val/auc": 0.75}


def test_printed_figures_stand_one_a_line_and_what_has_none_says_why() -> None:
    lines = format_figures(OUTCOMES).splitlines()
    assert [line.split() for line in lines] == [
        ["lfw", "auc", "0.9000", "[0.8500,", "0.9500]"],
        ["lfw", "tar@far=1e-2", "0.5000", "[0.2500,", "0.7500]"],
        ["lfw", "tar@far=1e-6", *["no", "number:", "needs", "1000000", "impostor", "pairs,", "there", "are", "10"]],
        ["lfw", *["left", "out:", "3", "pairs", "with", "a", "missing", "image"]],
        ["cfp_fp", "auc", "0.8000", "[0.7000,", "0.9000]"],
    ]
