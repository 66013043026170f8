"""The list of LFW's View 2: ``pairs.txt``."""

from pathlib import Path

from marginface.data.errors import PairsError
from marginface.data.pair_lists.listed import ListedPair, check_distinct, malformed, read_rows, whole_number
from marginface.data.pair_lists.numbered import numbered_pairs


def read_lfw_pairs(path: Path) -> list[ListedPair]:
    """Pairs in the order of the list, which is that of the folds.

    The first line is ``<folds><TAB><pairs>`` (``10<TAB>300``), the folds follow; see
    :mod:`marginface.data.pair_lists.numbered`.

    Raises:
        DataNotFoundError: There is no such file.
        PairsError: A line is malformed, there are other numbers of lines than the first one declares, or a pair is
            stated twice.

    Source: Huang et al., "Labeled Faces in the Wild", 2007, README of the data set, section 3c.
    """
    rows = list(read_rows(path))
    if not rows:
        raise PairsError(f"{path} is empty: expected the folds and pairs (10 and 300), then the pairs")
    header, *rows = rows
    num_folds, num_pairs = (whole_number(part) or 0 for part in (*header.fields, "", "")[:2])
    if len(header.fields) != 2 or not num_folds or not num_pairs:
        raise malformed(header, "the numbers of folds and of pairs, 10 and 300 (View 1's lists have no folds)")
    declared = 2 * num_folds * num_pairs
    if len(rows) != declared:
        raise PairsError(
            f"{path} declares {num_folds} folds of {num_pairs} + {num_pairs} pairs, {declared} lines, but has "
            f"{len(rows)}: copy the original list again"
        )
    pairs = numbered_pairs(rows, num_pairs)
    check_distinct(pairs)
    return pairs
