"""Names of the identities, as `identities.csv` beside a set."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from marginface.data.errors import DataError

IDENTITIES_NAME = "identities.csv"
_HEADER = ("label", "name")


def write_identities(folder: Path, names: Iterable[str]) -> None:
    """Write columns label, name: which folder or word of the list each class index was."""
    with (folder / IDENTITIES_NAME).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEADER)
        writer.writerows(enumerate(names))


def first_names(folder: Path, classes: Sequence[str]) -> list[str]:
    """Names that identities had before a step numbered them, from `identities.csv` where there is one.

    Args:
        folder: Of the set.
        classes: What they are called now, in the order of the labels that the step gave them.

    Raises:
        DataError: The file is damaged.
    """
    path = folder / IDENTITIES_NAME
    if not path.is_file():
        return list(classes)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [tuple(row) for row in csv.reader(file)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV in UTF-8 ({error}): mend it, or take it away") from error
    if not rows or rows[0] != _HEADER:  # somebody else's
        return list(classes)
    names = {row[0]: row[1] for row in rows[1:] if len(row) == len(_HEADER)}
    return [names.get(str(label), name) for label, name in enumerate(classes)]
