"""Impostor pairs are counted as if all were looked at."""

import pytest
from hard_rows import sides_of

from marginface.matching.mates import Mates
from marginface.matching.operands import operands


@pytest.mark.parametrize("num_identities", [1, 3, 1000])
def test_numbers_of_pairs(num_identities: int) -> None:
    sides = sides_of("plain", num_identities=num_identities)
    different = sides.query_identity[:, None] != sides.gallery_identity
    assert Mates(operands(*sides)).num_impostor == int(different.sum())
    alone = Mates(operands(sides.gallery, sides.gallery_identity, None, None))
    different = (sides.gallery_identity[:, None] != sides.gallery_identity).triu(1)
    assert alone.num_impostor == int(different.sum())


def test_pairs_of_some_queries() -> None:
    sides = sides_of("plain")
    first, second = Mates(operands(*sides)).pairs(5, 9)
    same = sides.query_identity[5:9, None] == sides.gallery_identity
    expected = same.nonzero(as_tuple=True)
    assert ((first - 5).tolist(), second.tolist()) == (expected[0].tolist(), expected[1].tolist())
