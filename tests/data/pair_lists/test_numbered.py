"""Lines of names and image numbers."""

import pytest

from marginface.data.errors import PairsError
from marginface.data.pair_lists.listed import Row
from marginface.data.pair_lists.numbered import numbered_pair, numbered_pairs


def row(text: str) -> Row:
    return Row(text.split(), "pairs.txt, line 5")


def test_a_pair_of_one_person_and_of_two() -> None:
    same = numbered_pair(row("Ann_Lee 1 12"), fold=3, same=True)
    assert same == ("Ann_Lee/Ann_Lee_0001.jpg", "Ann_Lee/Ann_Lee_0012.jpg", True, 3, "pairs.txt, line 5")
    different = numbered_pair(row("Ann_Lee 4 Bob 10000"), fold=0, same=False)
    assert different[:3] == ("Ann_Lee/Ann_Lee_0004.jpg", "Bob/Bob_10000.jpg", False)


def test_folds_are_pairs_of_one_person_then_of_two() -> None:
    lines = ["a 1 2", "a 1 3", "a 1 b 1", "a 2 b 1", "c 1 2", "c 2 3", "c 1 d 1", "d 1 c 2"]
    pairs = numbered_pairs(map(row, lines), num_pairs=2)
    assert [pair.fold for pair in pairs] == [0] * 4 + [1] * 4
    assert [pair.same for pair in pairs] == [True, True, False, False] * 2


@pytest.mark.parametrize(
    ("text", "same", "message"),
    [
        ("a 1 b 2", True, r"line 5: expected name n1 n2 \(one person\) in fold 2, got 'a 1 b 2'"),
        ("a 1 2", False, r"expected name1 n1 name2 n2 \(two people\)"),
        ("a 1", True, "expected name n1 n2"),
        ("a 1 two", True, "whole image numbers"),
        ("a -1 b 2", False, "whole image numbers"),
        ("../a 1 2", True, "points out of the folder"),
    ],
)
def test_another_line(text: str, same: bool, message: str) -> None:
    with pytest.raises(PairsError, match=message):
        numbered_pair(row(text), 1, same)


def test_an_image_number_of_thousands_of_digits_is_malformed() -> None:
    with pytest.raises(PairsError, match="with whole image numbers"):
        numbered_pair(row(f"Ann 1 {'9' * 5000}"), fold=0, same=True)
