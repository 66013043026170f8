"""Table key -> byte position of a RecordIO file.

Shapes: R records.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import RecordError


@dataclass(frozen=True, eq=False)
class RecordIndex:
    """Keys and positions of all records, 16 bytes a record.

    Attributes:
        keys: Keys in ascending order, (R,) int64, read-only.
        offsets: Position in the .rec of the first byte of each key's record, (R,) int64, read-only.
    """

    keys: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def row(self, key: int) -> int:
        """Row of `key` in this table; -1 where it is missing."""
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
    text = path.read_bytes().strip()
    if not text:
        raise RecordError(f"{path} is empty: copy it again, or delete it and read the .rec without it.")
    try:
        numbers = np.fromstring(text.decode("ascii"), dtype=np.int64, sep=" ")
    except ValueError as error:
        raise _malformed(path) from error
    if len(numbers) != 2 * (text.count(b"\n") + 1):
        raise _malformed(path)
    index = make_index(numbers[0::2], numbers[1::2])
    twice = index.keys[1:][index.keys[1:] == index.keys[:-1]]
    if len(twice):
        raise RecordError(f"{path}: key {twice[0]} comes twice. Build the pack again with distinct keys.")
    return index


def _malformed(path: Path) -> RecordError:
    return RecordError(f"{path} is damaged: every line must be `key<TAB>offset`, two integers. Copy it again.")
