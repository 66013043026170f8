"""Lists of photos with the five points of their faces."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.json_file import read_json

_COORDINATES = [f"{axis}{point}" for point in range(1, 6) for axis in "xy"]


class MarkedPhoto(NamedTuple):
    """A photo of a list.

    Attributes:
        path: As the list names it.
        points: Left eye, right eye, nose, left and right corner of the mouth as seen in the photo, (5, 2) float64, x
            and y in pixels; None where the list has none.
        label: Identity, if the list states it.
        aligned: Whether the list says that the photo is a crop already.
        crop: What its crop is to be called, a path without ending; None for the photo's path. It tells the faces of one
            photo apart.
    """

    path: str
    points: NDArray[np.float64] | None
    label: str | None = None
    aligned: bool = False
    crop: str | None = None

    @property
    def name(self) -> str:
        """What messages call it: the photo's path, and which of its crops where the list says it."""
        return self.path if self.crop is None else f"{self.path} ({self.crop})"


def read_landmarks(path: Path | str, layout: str | None = None) -> list[MarkedPhoto]:
    """Read a list of photos with landmarks.

    Args:
        path: The list.
        layout: A name of `LAYOUTS`; None goes by the file's ending: `.lst` insightface, `.txt` sphereface_pytorch,
            `.csv` csv, `.json` json.

    Returns:
        Its photos in their order.

    Raises:
        DataNotFoundError: No such file.
        DataError: No text in UTF-8; a row of another form, which is named, or none.
        ValueError: An unknown layout.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f"landmarks={path} is missing: pass the list that has the five points of each photo.")
    if layout is None:
        layout = _BY_SUFFIX.get(path.suffix.lower())
        if layout is None:
            raise ValueError(f"landmarks={path}: its ending tells no layout; pass layout={'|'.join(LAYOUTS)}")
    if layout not in LAYOUTS:
        raise ValueError(f"layout={layout!r} is unknown: pass one of {', '.join(LAYOUTS)}")
    try:
        photos = list(LAYOUTS[layout](path))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no text of the layout {layout!r} ({error}): convert it to UTF-8") from error
    for number, photo in enumerate(photos, 1):
        for name in (photo.path,) if photo.crop is None else (photo.path, photo.crop):
            if not name or not Path(name.strip()).name or "\0" in name:
                raise DataError(f"{path}: photo {number} has the path {name!r}, which no file can have: mend the row")
    if not photos:
        raise DataError(f"{path} holds no photo: expected the layout {layout!r}")
    return photos


def _read_insightface(path: Path) -> Iterator[MarkedPhoto]:
    """`aligned path label [bbox: 4] [x1 .. x5 y1 .. y5]` parted by tabs (insightface `face_preprocess.py`)."""
    for number, line in _lines(path):
        words = line.split("\t")
        if len(words) not in (3, 7, 17) or words[0] not in ("0", "1"):
            raise _refused(path, number, line, "'aligned path label [bbox: 4] [x1 .. x5 y1 .. y5]' parted by tabs")
        points = None
        if len(words) == 17:  # all x come before all y
            points = _points(words[7:], path, number).reshape(2, 5).T
        yield MarkedPhoto(words[1], points, words[2], words[0] == "1")


def _read_sphereface_pytorch(path: Path) -> Iterator[MarkedPhoto]:
    """`path [label] x1 y1 .. x5 y5` parted by tabs, or by white space where a line has no tab."""
    for number, line in _lines(path):
        words = line.split("\t" if "\t" in line else None)
        if len(words) not in (11, 12):
            raise _refused(path, number, line, "'path [label] x1 y1 .. x5 y5', tabs between if paths hold spaces")
        label = words[1] if len(words) == 12 else None
        yield MarkedPhoto(words[0], _points(words[-10:], path, number).reshape(5, 2), label)


def _read_csv(path: Path) -> Iterator[MarkedPhoto]:
    """A header with `path`, `x1`, `y1`, .. `x5`, `y5`, in any order, perhaps `label` and `crop`; others are unused."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = [name for name in ("path", *_COORDINATES) if name not in (rows.fieldnames or ())]
        if missing:
            raise DataError(f"{path} line 1: column(s) {', '.join(missing)} are missing in the header: add them")
        for row in rows:
            words = [row[name] or "" for name in _COORDINATES]
            points = _points(words, path, rows.line_num).reshape(5, 2) if any(words) else None
            yield MarkedPhoto(row["path"], points, row.get("label") or None, crop=row.get("crop") or None)


def _read_json(path: Path) -> Iterator[MarkedPhoto]:
    """`{path: [[x, y], five times]}`; null where a photo has no landmarks."""
    content = read_json(path, "expected {path: [[x, y], five times]}")
    if not isinstance(content, dict):
        raise DataError(f"{path} holds a {type(content).__name__}: expected {{path: [[x, y], five times]}}")
    for name, value in content.items():
        try:
            points = None if value is None else np.array(value, np.float64)
        except (ValueError, TypeError, OverflowError):
            points = np.empty(0)
        if points is not None and (points.shape != (5, 2) or not np.isfinite(points).all()):
            raise DataError(f"{path}: {name!r} has {_shown(value)} instead of five [x, y]: mend it, or put null")
        yield MarkedPhoto(name, points)


LAYOUTS: dict[str, Callable[[Path], Iterator[MarkedPhoto]]] = {
    "insightface": _read_insightface,
    "sphereface_pytorch": _read_sphereface_pytorch,
    "csv": _read_csv,
    "json": _read_json,
}
"""Readers of the layouts, by their names."""
_BY_SUFFIX = {".lst": "insightface", ".txt": "sphereface_pytorch", ".csv": "csv", ".json": "json"}


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line.strip("\r\n")


def _points(words: list[str], path: Path, number: int) -> NDArray[np.float64]:
    try:
        points = np.array([float(word) for word in words])
    except ValueError as error:
        raise _refused(path, number, " ".join(words), "ten numbers") from error
    if not np.isfinite(points).all() or any("_" in word for word in words):  # Python alone reads 1_0 as 10
        raise _refused(path, number, " ".join(words), "ten numbers")
    return points


def _shown(value: object) -> str:
    try:
        return str(value)[:80]
    except RecursionError:
        return "lists in lists"


def _refused(path: Path, number: int, line: str, expected: str) -> DataError:
    return DataError(f"{path} line {number}: {line.strip()[:80]!r} where {expected} is expected: mend the line")
