"""Table key -> byte position of a RecordIO file.

Shapes: R records.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import RecordError

_BETWEEN = np.frombuffer(b"\t ", np.uint8)  # key and offset


@dataclass(frozen=True, eq=False)
class RecordIndex:
    """Keys and positions of all records, 16 bytes a record.

    Attributes:
        keys: Keys in ascending order, (R,) int64, read-only.
        offsets: Position in the .rec of the first byte of each key's record, (R,) int64, read-only.
    """

    keys: NDArray[np.int64]
    offsets: NDArray[np.int64]

    @cached_property
    def first_if_dense(self) -> int | None:
        """First key where the keys run without a gap, as in every pack of insightface; else None."""
        first, last = int(self.keys[0]), int(self.keys[-1])
        return first if last - first == len(self.keys) - 1 else None

    def row(self, key: int) -> int:
        """Row of `key` in this table; -1 where it is missing."""
        if self.first_if_dense is not None:  # a search costs a tenth of a decoded image
            row = key - self.first_if_dense
            return row if 0 <= row < len(self.keys) else -1
        row = int(self.keys.searchsorted(key))
        return row if row < len(self.keys) and self.keys[row] == key else -1

    def rows(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of many keys at once, in their shape; -1 where one is missing."""
        rows = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[rows] == keys, rows, -1)


def make_index(keys: NDArray[np.int64], offsets: NDArray[np.int64]) -> RecordIndex:
    """Sort by key and freeze. Duplicate keys are the caller's to refuse."""
    if np.any(keys[1:] < keys[:-1]):
        order = np.argsort(keys, kind="stable")
        keys, offsets = keys[order], offsets[order]
    keys, offsets = np.ascontiguousarray(keys), np.ascontiguousarray(offsets)
    keys.setflags(write=False)
    offsets.setflags(write=False)
    return RecordIndex(keys, offsets)


def read_index(path: Path) -> RecordIndex:
    """Read an .idx file: one line `key<TAB>offset` a record, keys in any order.

    Args:
        path: The .idx file; must exist.

    Returns:
        The table.

    Raises:
        RecordError: Empty file, a line that is not two integers, or a key that comes twice.
    """
    text = path.read_bytes().strip().replace(b"\r\n", b"\n")
    if not text:
        raise RecordError(f"{path} is empty: copy it again, or delete it and read the .rec without it.")
    try:
        numbers = np.fromstring(text.decode("ascii"), dtype=np.int64, sep=" ")
    except ValueError as error:
        raise _malformed(path) from error
    gaps = np.frombuffer(text, np.uint8)
    gaps = gaps[gaps <= ord(" ")]
    tabs_and_ends = len(gaps) % 2 and np.isin(gaps[0::2], _BETWEEN).all() and (gaps[1::2] == ord("\n")).all()
    # Larger numbers are read as the largest one.
    if not tabs_and_ends or len(numbers) != len(gaps) + 1 or numbers.max() == np.iinfo(np.int64).max:
        raise _malformed(path)
    index = make_index(numbers[0::2], numbers[1::2])
    twice = index.keys[1:][index.keys[1:] == index.keys[:-1]]
    if len(twice):
        raise RecordError(f"{path}: key {twice[0]} comes twice. Build the pack again with distinct keys.")
    return index


def _malformed(path: Path) -> RecordError:
    return RecordError(f"{path} is damaged: every line must be `key<TAB>offset`, two integers. Copy it again.")
