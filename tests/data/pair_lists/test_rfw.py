"""The list of one group of RFW."""

from pathlib import Path

import pytest

from marginface.data.errors import PairsError
from marginface.data.pair_lists import read_rfw_pairs

LINES = ["m.01a\t1\t2", "m.01a\t1\tm.01b\t1", "m.01c\t2\t4", "m.01c\t4\tm.01d\t1"]


def written(folder: Path, lines: list[str]) -> Path:
    (folder / "Asian_pairs.txt").write_text("\n".join(lines) + "\n")
    return folder / "Asian_pairs.txt"


def test_the_folds_follow_from_the_number_of_lines(tmp_path: Path) -> None:
    pairs = read_rfw_pairs(written(tmp_path, LINES), num_folds=2)
    assert [(pair.first, pair.second, pair.same, pair.fold) for pair in pairs] == [
        ("m.01a/m.01a_0001.jpg", "m.01a/m.01a_0002.jpg", True, 0),
        ("m.01a/m.01a_0001.jpg", "m.01b/m.01b_0001.jpg", False, 0),
        ("m.01c/m.01c_0002.jpg", "m.01c/m.01c_0004.jpg", True, 1),
        ("m.01c/m.01c_0004.jpg", "m.01d/m.01d_0001.jpg", False, 1),
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (LINES[:3], r"Asian_pairs\.txt has 3 lines, which make no 2 equal folds"),
        ([], "has 0 lines"),
        ([LINES[0], LINES[2], LINES[1], LINES[3]], r"line 2: expected name1 n1 name2 n2 \(two people\) in fold 1"),
        ([*LINES[:2], *LINES[:2]], "line 3: the pair .* stands already"),
    ],
)
def test_damaged_lists(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(PairsError, match=message):
        read_rfw_pairs(written(tmp_path, lines), num_folds=2)
