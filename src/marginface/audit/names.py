"""Names of identities, and which of them a benchmark has too."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from marginface.data.errors import DataError, DataNotFoundError


def read_names(path: Path | str) -> list[str]:
    """Names from a text file, one a line; empty lines count for nothing.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: It holds no name, or is no UTF-8 text.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f"list of names {path} is missing: write one name a line")
    try:
        names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8 text ({error}): convert it") from error
    if not names:
        raise DataError(f"{path} holds no name: write one name a line")
    return names


def shared_names(classes: Sequence[str], names: Sequence[str]) -> list[int]:
    """Labels of the classes whose name is on a list.

    Case, accents and what separates words do not matter: ``José_García`` is ``jose garcia``.

    Args:
        classes: Name of each class, in the order of the labels.
        names: The list.
    """
    listed = {_plain(name) for name in names} - {""}
    return [label for label, name in enumerate(classes) if _plain(name) in listed]


def _plain(name: str) -> str:
    letters = (c for c in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in letters).split())
