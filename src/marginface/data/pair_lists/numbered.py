"""Pairs by a person's name with image numbers, the line format that LFW and RFW share.

A fold is N lines ``name<TAB>n1<TAB>n2`` (one person), then N lines ``name1<TAB>n1<TAB>name2<TAB>n2`` (two people);
image n of a person is ``name/name_%04d.jpg``.
"""

from collections.abc import Iterable

from marginface.data.pair_lists.listed import ListedPair, Row, image_name, malformed, whole_number


def numbered_pairs(rows: Iterable[Row], num_pairs: int) -> list[ListedPair]:
    """Pairs of whole folds.

    Args:
        rows: Lines of the list, without a header.
        num_pairs: N, pairs of one person in a fold, and of two people.

    Raises:
        PairsError: A line is malformed, or of the other kind than its place asks for.
    """
    pairs = []
    for place, row in enumerate(rows):
        fold, within = divmod(place, 2 * num_pairs)
        pairs.append(numbered_pair(row, fold, same=within < num_pairs))
    return pairs


def numbered_pair(row: Row, fold: int, same: bool) -> ListedPair:
    """One pair.

    Args:
        row: Its line.
        fold: Number of its fold, from 0.
        same: Whether a pair of one person stands here.

    Raises:
        PairsError: The line is malformed, or of the other kind.
    """
    kind = "name n1 n2 (one person)" if same else "name1 n1 name2 n2 (two people)"
    expected = f"{kind} in fold {fold + 1}"
    if len(row.fields) != (3 if same else 4):
        raise malformed(row, expected)
    name, number, *rest = row.fields
    other, other_number = (name, *rest) if same else rest
    numbers = [whole_number(number), whole_number(other_number)]
    if None in numbers:
        raise malformed(row, f"{expected}, with whole image numbers")
    first, second = (
        image_name(f"{who}/{who}_{n:04d}.jpg", row.where) for who, n in zip((name, other), numbers, strict=True)
    )
    return ListedPair(first, second, same, fold, row.where)
