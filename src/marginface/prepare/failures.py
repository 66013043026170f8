"""Images that a step left out, each with its reason."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

FAILURES_NAME = "failures.csv"
"""Lists what a step could not use."""
DROPPED_NAME = "dropped.csv"
"""Lists what a step was told to leave out."""


class Failure(NamedTuple):
    """An image that was left out.

    Attributes:
        name: The image: its path, or its file and key.
        kind: Reason in a few words, the same for all images of that reason.
        detail: What exactly is wrong.
    """

    name: str
    kind: str
    detail: str


def write_failures(folder: Path, failures: Sequence[Failure], name: str = FAILURES_NAME) -> None:
    """Write a table with columns name, kind, detail; without failures there is no such file."""
    path = folder / name
    if not failures:
        path.unlink(missing_ok=True)
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Failure._fields)
        writer.writerows(failures)


def count_kinds(failures: Iterable[Failure]) -> dict[str, int]:
    """Number of failures of each kind, by its name."""
    return dict(sorted(Counter(failure.kind for failure in failures).items()))
