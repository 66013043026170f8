"""A list of pairs whose label is known to be wrong."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import PairsError
from marginface.data.pair_lists.listed import ListedPair, Row, malformed, read_rows, whole_number
from marginface.data.pair_lists.numbered import numbered_pair


def read_wrong_pairs(path: Path, num_pairs: int, listed: Sequence[ListedPair] | None) -> NDArray[np.int64]:
    """Places of the pairs in their list, from 0, rising.

    A line is the number of a pair, counted from 1 in the order of the list, or a line of ``pairs.txt`` as it stands
    there. Lines that begin with ``#`` are comments.

    Args:
        path: The file.
        num_pairs: Pairs of the list.
        listed: The list; None where names are not known, so that only numbers can be looked up.

    Raises:
        DataNotFoundError: There is no such file.
        PairsError: A line is malformed, or is no pair of the list.
    """
    place = {(pair.first, pair.second): number for number, pair in enumerate(listed or ())}
    rows = [row for row in read_rows(path) if not row.fields[0].startswith("#")]
    return np.unique(np.array([_place(row, num_pairs, place, listed is not None) for row in rows], dtype=np.int64))


def _place(row: Row, num_pairs: int, place: dict[tuple[str, str], int], named: bool) -> int:
    if len(row.fields) == 1:
        number = whole_number(row.fields[0])
        if number is None or not 1 <= number <= num_pairs:
            raise malformed(row, f"the number of a pair, 1 to {num_pairs}")
        return number - 1
    if not named:
        raise malformed(row, "the number of a pair, as a .bin has no names")
    pair = numbered_pair(row, 0, same=len(row.fields) == 3)
    if (pair.first, pair.second) not in place:
        raise PairsError(f"{row.where}: {' '.join(row.fields)!r} is no pair of the list: write it as it stands there")
    return place[pair.first, pair.second]
