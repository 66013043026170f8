import csv
import json
from pathlib import Path

import torch

from marginface.metric import Interval
from marginface.report import format_results, write_results, write_training

CURVES = {
    "far": [0.0, 0.123456789, 1.0],
    "tar": [0.5, 0.75, 1.0],
    "bins": [-0.5, 0.5],
    "genuine": [1.0, 9.0],
    "impostor": [8.0, 2.0],
}
RESULTS = {
    "lfw": ({"auc": Interval(0.9, 0.85, 0.95), "tar@far=1e-2": Interval(0.5, 0.25, 0.75)}, CURVES),
    "cfp_fp": ({"auc": Interval(0.8, 0.7, 0.9)}, CURVES),
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_figures_are_json_with_their_intervals(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path / "made" / "if_need_be")
    figures = json.loads((tmp_path / "made" / "if_need_be" / "metrics.json").read_text())
    assert figures["lfw"]["auc"] == {"value": 0.9, "low": 0.85, "high": 0.95}
    assert {name: list(part) for name, part in figures.items()} == {"lfw": ["auc", "tar@far=1e-2"], "cfp_fp": ["auc"]}


def test_curves_are_tables_with_a_row_a_point(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path)
    roc, scores = rows(tmp_path / "roc.csv"), rows(tmp_path / "scores.csv")
    assert [r["benchmark"] for r in roc] == ["lfw"] * 3 + ["cfp_fp"] * 3
    assert roc[1] == {"benchmark": "lfw", "far": "0.123457", "tar": "0.75"}
    assert len(scores) == 2 * 2 * 2
    assert scores[1] == {"benchmark": "lfw", "pairs": "genuine", "score": "0.5", "count": "9"}
    assert scores[2] == {"benchmark": "lfw", "pairs": "impostor", "score": "-0.5", "count": "8"}


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    write_results(RESULTS, tmp_path)
    write_results({"lfw": RESULTS["lfw"]}, tmp_path)
    assert list(json.loads((tmp_path / "metrics.json").read_text())) == ["lfw"]
    assert len(rows(tmp_path / "roc.csv")) == 3


def test_the_last_values_of_training_are_json(tmp_path: Path) -> None:
    write_training({"train/loss": torch.tensor(2.5), "val/auc": 0.75}, tmp_path / "made" / "if_need_be")
    text = (tmp_path / "made" / "if_need_be" / "training.json").read_text()
    assert json.loads(text) == {"train/loss": 2.5, "val/auc": 0.75}


def test_printed_figures_stand_one_a_line() -> None:
    lines = format_results(RESULTS).splitlines()
    assert [line.split() for line in lines] == [
        ["lfw", "auc", "0.9000", "[0.8500,", "0.9500]"],
        ["lfw", "tar@far=1e-2", "0.5000", "[0.2500,", "0.7500]"],
        ["cfp_fp", "auc", "0.8000", "[0.7000,", "0.9000]"],
    ]
