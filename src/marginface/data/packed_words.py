"""Many words in one array, without a Python object each.

Shapes: M words, T bytes of them all.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from marginface.data.shared_arrays import SharesArrays


class PackedWords(SharesArrays):
    """A sequence of words: their text in UTF-8, and 8 bytes for the end of each.

    Args:
        words: The words; names of files may hold bytes that are no UTF-8 (surrogates).
    """

    def __init__(self, words: Iterable[str]) -> None:
        encoded = [word.encode(errors="surrogateescape") for word in words]
        self._text: NDArray[np.uint8] = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        self._ends: NDArray[np.int64] = np.cumsum([0, *map(len, encoded)])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:
        """Word number `index`, from 0 on."""
        if not 0 <= index < len(self):
            raise IndexError(f"index {index}: there are words 0 to {len(self) - 1}")
        return self._text[self._ends[index] : self._ends[index + 1]].tobytes().decode(errors="surrogateescape")
