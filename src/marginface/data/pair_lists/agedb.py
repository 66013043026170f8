"""The pairs of AgeDB-30 as text: ``agedb_30.txt``."""

from pathlib import Path

from marginface.data.errors import PairsError
from marginface.data.pair_lists.listed import ListedPair, check_distinct, image_name, malformed, read_rows

_SAME = {"1": True, "+1": True, "0": False, "-1": False}


def read_agedb_pairs(path: Path, num_folds: int = 10) -> list[ListedPair]:
    """Pairs in the order of the list, which is that of the folds; every fold has equally many.

    A line is ``<image><BLANK><image><BLANK><label>``, the label 1 for one person, 0 or -1 for two.

    The original is a MATLAB file, which nothing here can read. Its ``splits`` is an array of ten cells, one a fold;
    a cell holds two rows of 600 image names, without ``.jpg``, and 600 labels, 1 or -1. One line for each column, fold
    by fold, with ``.jpg`` added to the names, makes this list; ``scipy.io.loadmat`` reads the file.

    Args:
        path: The file.
        num_folds: Folds that it was made with.

    Raises:
        DataNotFoundError: There is no such file.
        PairsError: A line is malformed, the lines make no equal folds, or a pair is stated twice.

    Source: Moschoglou et al., "AgeDB: the first manually collected, in-the-wild age database", CVPRW 2017; the cells
    as in JDAI-CV/FaceX-Zoo, test_protocol/lfw/pairs_parser.py.
    """
    rows = list(read_rows(path))
    if not rows or len(rows) % num_folds:
        raise PairsError(f"{path} has {len(rows)} lines, which make no {num_folds} equal folds: write it again")
    size = len(rows) // num_folds
    pairs = []
    for place, row in enumerate(rows):
        if len(row.fields) != 3 or row.fields[2] not in _SAME:
            raise malformed(row, "<image> <image> <1, 0 or -1>")
        first, second = (image_name(name, row.where) for name in row.fields[:2])
        pairs.append(ListedPair(first, second, _SAME[row.fields[2]], place // size, row.where))
    check_distinct(pairs)
    return pairs
