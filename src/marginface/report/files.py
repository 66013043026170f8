"""Outcomes as files that other programs read: figures as JSON, curves as CSV for ``dvc plots``."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marginface.outcome import Outcome

Outcomes = Mapping[str, Outcome]
"""What was measured, by the benchmark's name."""


def write_figures(outcomes: Outcomes, folder: Path) -> None:
    """Write ``metrics.json``, ``roc.csv``, ``scores.csv`` and, of closed-set tasks, ``confusion.json``.

    Args:
        outcomes: by benchmark.
        folder: where to; made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = {name: {key: i._asdict() for key, i in each.figures.items()} for name, each in outcomes.items()}
    (folder / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n")
    confusion = {name: each.confusion._asdict() for name, each in outcomes.items() if each.confusion is not None}
    if confusion:
        (folder / "confusion.json").write_text(json.dumps(confusion) + "\n")
    roc = [
        (name, series, *point)
        for name, each in outcomes.items()
        for series, curve in each.roc.items()
        for point in zip(curve.far, curve.tar, strict=True)
    ]
    _table(folder / "roc.csv", ("benchmark", "series", "far", "tar"), roc)
    scores = [
        (name, series, kind, score, count)
        for name, each in outcomes.items()
        for series, histogram in each.histogram.items()
        for kind in ("genuine", "impostor")
        for score, count in zip(histogram.score, getattr(histogram, kind), strict=True)
    ]
    _table(folder / "scores.csv", ("benchmark", "series", "pairs", "score", "count"), scores)


def write_training(values: Mapping[str, Any], folder: Path) -> None:
    """Write ``training.json``: the last value of everything that was logged while training.

    Args:
        values: numbers or scalar tensors by name.
        folder: where to; made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({name: float(value) for name, value in values.items()}, indent=2)
    (folder / "training.json").write_text(text + "\n")


def format_figures(outcomes: Outcomes) -> str:
    """The figures as lines ``benchmark metric value [low, high]``, then what has no number or was left out."""
    lines = []
    for name, each in outcomes.items():
        lines += [f"{name:<16} {key:<26} {i.value:.4f}  [{i.low:.4f}, {i.high:.4f}]" for key, i in each.figures.items()]
        lines += [f"{name:<16} {key:<26} no number: {why}" for key, why in each.unsupported.items()]
        lines += [f"{name:<16} left out: {count} {what}" for what, count in each.excluded.items()]
    return "\n".join(lines)


def _table(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([[f"{v:.6g}" if isinstance(v, float) else v for v in row] for row in rows])
