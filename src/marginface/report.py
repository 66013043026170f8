"""Evaluation results as files: figures as JSON, curves as CSV for ``dvc plots``."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marginface.metric import Interval

Results = Mapping[str, tuple[Mapping[str, Interval], Mapping[str, Any]]]


def write_results(results: Results, folder: Path) -> None:
    """Write ``metrics.json``, ``roc.csv`` and ``scores.csv``.

    Args:
        results: per benchmark its figures and its curves.
        folder: where to; made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = {name: {key: interval._asdict() for key, interval in part.items()} for name, (part, _) in results.items()}
    (folder / "metrics.json").write_text(json.dumps(figures, indent=2) + "\n")
    roc = [(name, far, tar) for name, (_, c) in results.items() for far, tar in zip(c["far"], c["tar"], strict=True)]
    _table(folder / "roc.csv", ("benchmark", "far", "tar"), roc)
    scores = [
        (name, kind, low, count)
        for name, (_, c) in results.items()
        for kind in ("genuine", "impostor")
        for low, count in zip(c["bins"], c[kind], strict=False)
    ]
    _table(folder / "scores.csv", ("benchmark", "pairs", "score", "count"), scores)


def write_training(values: Mapping[str, Any], folder: Path) -> None:
    """Write ``training.json``: the last value of everything that was logged while training.

    Args:
        values: numbers or scalar tensors by name.
        folder: where to; made if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({name: float(value) for name, value in values.items()}, indent=2)
    (folder / "training.json").write_text(text + "\n")


def format_results(results: Results) -> str:
    """The figures as lines ``benchmark metric value [low, high]``."""
    return "\n".join(
        f"{name:<16} {key:<22} {i.value:.4f}  [{i.low:.4f}, {i.high:.4f}]"
        for name, (part, _) in results.items()
        for key, i in part.items()
    )


def _table(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([[f"{v:.6g}" if isinstance(v, float) else v for v in row] for row in rows])
