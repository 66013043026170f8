"""The list of one group of RFW: ``<Group>_pairs.txt``."""

from pathlib import Path

from marginface.data.errors import PairsError
from marginface.data.pair_lists.listed import ListedPair, check_distinct, read_rows
from marginface.data.pair_lists.numbered import numbered_pairs


def read_rfw_pairs(path: Path, num_folds: int = 10) -> list[ListedPair]:
    """Pairs in the order of the list, which is that of the folds; LFW's lines without its header.

    Args:
        path: The file.
        num_folds: Folds that it was made with.

    Raises:
        DataNotFoundError: There is no such file.
        PairsError: A line is malformed, the lines make no equal folds, or a pair is stated twice.

    Source: Wang et al., "Racial Faces in the Wild", ICCV 2019; the format as public readers of it describe it.
    """
    rows = list(read_rows(path))
    if not rows or len(rows) % (2 * num_folds):
        raise PairsError(
            f"{path} has {len(rows)} lines, which make no {num_folds} equal folds of pairs of one person and of two: "
            "copy the original list again"
        )
    pairs = numbered_pairs(rows, len(rows) // (2 * num_folds))
    check_distinct(pairs)
    return pairs
