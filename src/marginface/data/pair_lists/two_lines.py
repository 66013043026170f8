"""Lists that give a pair two lines, as CALFW and CPLFW do: ``pairs_CALFW.txt``, ``pairs_CPLFW.txt``."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from marginface.data.errors import PairsError
from marginface.data.pair_lists.listed import ListedPair, Row, check_distinct, image_name, malformed, read_rows


def read_two_line_pairs(path: Path, num_folds: int = 10) -> list[ListedPair]:
    """Pairs in the order of the folds, each with its pairs of one person first.

    A line is ``<image><BLANK><label>``; two lines in a row make a pair and have the same label: 0 for two people,
    otherwise 1 (CPLFW) or the number of the fold from 1 (CALFW). All pairs of one person come first. Fold i has the
    i-th tenth of them, and the i-th tenth of the others, whose fold the list does not state.

    Args:
        path: The file.
        num_folds: Folds that it was made with.

    Raises:
        DataNotFoundError: There is no such file.
        PairsError: A line is malformed, labels contradict each other or the order, there are not as many pairs of two
            people as of one or they make no equal folds, or a pair is stated twice.

    Source: Zheng et al., "Cross-Age LFW", 2017; Zheng and Deng, "Cross-Pose LFW", 2018; the folds as in
    JDAI-CV/FaceX-Zoo, test_protocol/lfw/pairs_parser.py.
    """
    rows = list(read_rows(path))
    if not rows or len(rows) % (4 * num_folds):
        raise PairsError(
            f"{path} has {len(rows)} lines, two a pair, which make no {num_folds} equal folds of pairs of one person "
            "and of two: copy the original list again"
        )
    size = len(rows) // (4 * num_folds)
    pairs = list(_pairs(rows, size, num_folds))
    check_distinct(pairs)
    return sorted(pairs, key=lambda pair: pair.fold)  # stable: of one person, then of two


def _pairs(rows: Sequence[Row], size: int, num_folds: int) -> Iterator[ListedPair]:
    for place, (one, other) in enumerate(zip(rows[::2], rows[1::2], strict=True)):
        fold = place // size % num_folds
        same = place < size * num_folds
        for row in (one, other):
            if len(row.fields) != 2 or row.fields[1] not in _labels(fold, same):
                raise malformed(row, f"<image> <{' or '.join(_labels(fold, same))}>")
        if one.fields[1] != other.fields[1]:
            raise malformed(other, f"the label of the pair's first line, {one.fields[1]}")
        first, second = (image_name(row.fields[0], row.where) for row in (one, other))
        yield ListedPair(first, second, same, fold, one.where)


def _labels(fold: int, same: bool) -> list[str]:
    return sorted({"1", str(fold + 1)}) if same else ["0"]
