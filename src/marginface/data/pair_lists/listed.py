"""What a published list states of a pair, whatever its format."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from marginface.data.errors import DataNotFoundError, PairsError

_MOST_DIGITS = 18  # whatever has more does not fit into 64 bits


class ListedPair(NamedTuple):
    """A pair of images by name.

    Args:
        first: Path of one image below the folder of images, with forward slashes.
        second: Path of the other one.
        same: Whether they show one person.
        fold: Number of the fold that the list puts the pair in, from 0.
        where: File and line, for messages.
    """

    first: str
    second: str
    same: bool
    fold: int
    where: str


class Row(NamedTuple):
    """A line that is not blank.

    Args:
        fields: Its parts.
        where: File and line, for messages.
    """

    fields: list[str]
    where: str


def read_rows(path: Path, separator: str | None = None) -> Iterator[Row]:
    """Lines of a list file, however they end; blank ones are passed over.

    Args:
        path: The file.
        separator: What parts the fields; None for blanks and tabs.

    Raises:
        DataNotFoundError: There is no such file.
        PairsError: It is no text.
    """
    if not path.is_file():
        raise DataNotFoundError(f"{path} is missing: put the original list there")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PairsError(f"{path} is no text file ({error.reason}): copy the original list again") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield Row([part.strip() for part in line.split(separator)], f"{path}, line {number}")


def whole_number(text: str) -> int | None:
    """Value of digits 0 to 9; None for anything else, and for more digits than any list has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def malformed(row: Row, expected: str) -> PairsError:
    """The error of a line that is not what its place in the list asks for."""
    got = " ".join(row.fields)[:200]
    return PairsError(f"{row.where}: expected {expected}, got {got!r}: copy the original list again")


def image_name(name: str, where: str) -> str:
    """The name as it is, if it stays below the folder of images.

    Raises:
        PairsError: It is absolute, climbs out of the folder, or holds a NUL, which no name can.
    """
    if "\0" in name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise PairsError(
            f"{where}: {name[:200]!r} points out of the folder of images, or nowhere: copy the original list again"
        )
    return name


def check_distinct(pairs: Sequence[ListedPair]) -> None:
    """Refuse an image paired with itself, and a pair that is stated twice.

    The same two images in the other order are no error: the FF lists of CFP hold 130 such pairs.

    Raises:
        PairsError: Names the line, and the one that it repeats.
    """
    seen: dict[tuple[str, str], str] = {}
    for pair in pairs:
        if pair.first == pair.second:
            raise PairsError(f"{pair.where}: {pair.first} is paired with itself: copy the original list again")
        before = seen.setdefault((pair.first, pair.second), pair.where)
        if before != pair.where:
            raise PairsError(
                f"{pair.where}: the pair {pair.first}, {pair.second} stands already at {before}: remove one of them"
            )
