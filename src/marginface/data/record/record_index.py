"""Table key -> byte position of a RecordIO file.

Shapes: R records.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import RecordError
from marginface.data.shared_arrays import SharesArrays

_BETWEEN = np.frombuffer(b"\t ", np.uint8)  # key and offset


@dataclass(frozen=True, eq=False)
class RecordIndex(SharesArrays):
    """Keys and positions of all records: 8 bytes a record where the keys run without a gap, else 16.

    Attributes:
        offsets: Position in the .rec of the first byte of each key's record, (R,) int64, read-only.
        first_if_dense: First key where the keys run without a gap, as in every pack of insightface; else None.
        sparse: Keys in ascending order, (R,) int64, where they have gaps; else empty.
    """

    offsets: NDArray[np.int64]
    first_if_dense: int | None
    sparse: NDArray[np.int64]

    @property
    def keys(self) -> NDArray[np.int64]:
        """Keys in ascending order, (R,) int64, read-only; dense ones are made anew."""
        if self.first_if_dense is None:
            return self.sparse
        keys = np.arange(self.first_if_dense, self.first_if_dense + len(self.offsets))
        keys.setflags(write=False)
        return keys

    def key(self, row: int) -> int:
        """Key of a row of this table."""
        return int(self.sparse[row]) if self.first_if_dense is None else self.first_if_dense + row

    def row(self, key: int) -> int:
        """Row of `key` in this table; -1 where it is missing."""
        if self.first_if_dense is not None:  # a search costs a tenth of a decoded image
            row = key - self.first_if_dense
            return row if 0 <= row < len(self.offsets) else -1
        row = int(self.sparse.searchsorted(key))
        return row if row < len(self.sparse) and self.sparse[row] == key else -1

    def rows(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of many keys at once, in their shape; -1 where one is missing."""
        if self.first_if_dense is not None:
            inside = (keys >= self.first_if_dense) & (keys < self.first_if_dense + len(self.offsets))
            return np.where(inside, keys - self.first_if_dense, -1)
        rows = np.minimum(np.searchsorted(self.sparse, keys), len(self.sparse) - 1)
        return np.where(self.sparse[rows] == keys, rows, -1)


def make_index(keys: NDArray[np.int64], offsets: NDArray[np.int64]) -> RecordIndex:
    """Sort by key and freeze.

    Args:
        keys: Keys of all records, (R,) int64.
        offsets: Their positions, (R,) int64.

    Raises:
        RecordError: A key comes twice.
    """
    if np.any(keys[1:] < keys[:-1]):
        order = np.argsort(keys, kind="stable")
        keys, offsets = keys[order], offsets[order]
    twice = keys[1:][keys[1:] == keys[:-1]]
    if len(twice):
        raise RecordError(f"key {twice[0]} comes twice")
    first, last = int(keys[0]), int(keys[-1])
    dense = last - first == len(keys) - 1
    keys, offsets = np.array(keys[:0] if dense else keys), np.array(offsets)  # strided views would keep all numbers
    keys.setflags(write=False)
    offsets.setflags(write=False)
    return RecordIndex(offsets, first if dense else None, keys)


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
    try:
        return make_index(numbers[0::2], numbers[1::2])
    except RecordError as error:
        raise RecordError(f"{path}: {error}. Build the pack again with distinct keys.") from error


def _malformed(path: Path) -> RecordError:
    return RecordError(f"{path} is damaged: every line must be `key<TAB>offset`, two integers. Copy it again.")
