"""The list of AgeDB-30 as text."""

from pathlib import Path

import pytest

from marginface.data.errors import PairsError
from marginface.data.pair_lists import read_agedb_pairs

LINES = ["0_Ann_30_f.jpg 1_Ann_60_f.jpg 1", "0_Ann_30_f.jpg 2_Bob_5_m.jpg -1", "3_C_1_f.jpg 4_D_2_f.jpg 0", "a b +1"]


def written(folder: Path, lines: list[str]) -> Path:
    (folder / "agedb_30.txt").write_text("\n".join(lines) + "\n")
    return folder / "agedb_30.txt"


def test_the_folds_are_equal_parts_in_the_order_of_the_list(tmp_path: Path) -> None:
    pairs = read_agedb_pairs(written(tmp_path, LINES), num_folds=2)
    assert [(pair.first, pair.second, pair.same, pair.fold) for pair in pairs] == [
        ("0_Ann_30_f.jpg", "1_Ann_60_f.jpg", True, 0),
        ("0_Ann_30_f.jpg", "2_Bob_5_m.jpg", False, 0),
        ("3_C_1_f.jpg", "4_D_2_f.jpg", False, 1),
        ("a", "b", True, 1),
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (LINES[:3], "has 3 lines, which make no 2 equal folds"),
        ([], "has 0 lines"),
        (["a b 2", *LINES[1:]], "line 1: expected <image> <image> <1, 0 or -1>, got 'a b 2'"),
        ([LINES[0], "a b", *LINES[2:]], "line 2: expected"),
        ([*LINES[:3], "a /b 1"], "line 4: .*points out"),
        ([*LINES[:3], LINES[1]], "line 4: the pair .* stands already"),
    ],
)
def test_damaged_lists(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(PairsError, match=message):
        read_agedb_pairs(written(tmp_path, lines), num_folds=2)
