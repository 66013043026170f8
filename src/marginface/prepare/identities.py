"""Names of the identities, as `identities.csv` beside a set."""

import csv
from collections.abc import Iterable
from pathlib import Path

IDENTITIES_NAME = "identities.csv"


def write_identities(folder: Path, names: Iterable[str]) -> None:
    """Write columns label, name: which folder or word of the list each class index was."""
    with (folder / IDENTITIES_NAME).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("label", "name"))
        writer.writerows(enumerate(names))
