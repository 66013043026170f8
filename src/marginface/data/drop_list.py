"""Lists of images that are to be left out of a training set.

Two forms are read: the ``audit.json`` of an audit, and a text file with the number of one image a line, ``#`` begins a
comment. Both can say which set they were made for. Shapes: N images of the set, K images to drop.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.json_file import read_json

_STATED = "# made for labels "


@dataclass(frozen=True)
class DropList:
    """Images to leave out.

    Args:
        index: Their numbers, rising, (K,) int64.
        made_for: Digest of the labels of the set that it was made for; empty where the file does not say.
    """

    index: NDArray[np.int64]
    made_for: str = ""


def labels_digest(labels: NDArray[np.int64]) -> str:
    """SHA-256 of the labels of a set, by which a drop list knows it."""
    return hashlib.sha256(np.ascontiguousarray(labels, dtype="<i8").tobytes()).hexdigest()


def read_drop_list(path: Path | str, reasons: Sequence[str] | None = None) -> DropList:
    """Read a drop list.

    Args:
        path: ``audit.json``, or a text file of numbers.
        reasons: Only images that are listed for one of these; None for all. A text file states none.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: It is no drop list.
        ValueError: A reason that the list does not know.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f"drop list {path} is missing: write it with src/audit.py, or leave the option out")
    if path.suffix == ".json":
        return _from_json(path, reasons)
    if reasons is not None:
        raise ValueError(f"reasons={list(reasons)}: the text file {path} states none; give audit.json, or no reasons")
    return _from_text(path)


def write_drop_list(path: Path | str, drop: DropList) -> None:
    """Write the text form."""
    header = f"{_STATED}{drop.made_for}\n" if drop.made_for else ""
    Path(path).write_text(header + "".join(f"{index}\n" for index in drop.index.tolist()))


def _from_json(path: Path, reasons: Sequence[str] | None) -> DropList:
    audit = read_json(path, "it is no audit, write it again with src/audit.py")
    try:
        made_for, known = str(audit["source"]["labels_sha256"]), audit["reasons"]
        listed = [(_number(entry["index"]), str(entry["reason"])) for entry in audit["drop"]]
        unknown = sorted(set(reasons or ()) - set(known))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is no audit ({type(error).__name__}: {error}): write it again") from error
    if unknown:
        raise ValueError(f"reasons={list(reasons or ())}: {path} has no {', '.join(unknown)}, only {', '.join(known)}")
    return DropList(_rising(index for index, reason in listed if reasons is None or reason in reasons), made_for)


def _from_text(path: Path) -> DropList:
    made_for, found = "", []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        made_for = line.removeprefix(_STATED).strip() if line.startswith(_STATED) else made_for
        word = line.partition("#")[0].strip()
        if word and not (word.isascii() and word.isdigit() and len(word) < 19):
            raise DataError(f"{path}, line {number}: {word[:40]!r} is no image number: one whole number a line")
        found += [int(word)] if word else []
    return DropList(_rising(found), made_for)


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 62:
        raise ValueError(f"index {value!r} is no image number")
    return value


def _rising(index: Iterable[int]) -> NDArray[np.int64]:
    return np.unique(np.fromiter(index, np.int64))
