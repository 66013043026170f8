"""The lists of CALFW and CPLFW."""

from pathlib import Path

import pytest

from marginface.data.errors import PairsError
from marginface.data.pair_lists import read_two_line_pairs

CALFW = ["a1 1", "a2 1", "b1 1", "b2 1", "c1 2", "c2 2", "d1 2", "d2 2"]
OTHERS = ["a1 0", "b1 0", "a2 0", "b2 0", "c1 0", "d1 0", "c2 0", "d2 0"]


def written(folder: Path, lines: list[str]) -> Path:
    (folder / "pairs_CALFW.txt").write_text("\r\n".join(lines) + "\r\n", newline="")
    return folder / "pairs_CALFW.txt"


@pytest.mark.parametrize("positive", [CALFW, [f"{line[:2]} 1" for line in CALFW]], ids=["fold numbers", "ones"])
def test_the_i_th_parts_of_both_halves_make_a_fold(tmp_path: Path, positive: list[str]) -> None:
    pairs = read_two_line_pairs(written(tmp_path, positive + OTHERS), num_folds=2)
    assert [(pair.first, pair.second, pair.same, pair.fold) for pair in pairs] == [
        ("a1", "a2", True, 0),
        ("b1", "b2", True, 0),
        ("a1", "b1", False, 0),
        ("a2", "b2", False, 0),
        ("c1", "c2", True, 1),
        ("d1", "d2", True, 1),
        ("c1", "d1", False, 1),
        ("c2", "d2", False, 1),
    ]
    assert pairs[2].where.endswith("pairs_CALFW.txt, line 9")


@pytest.mark.parametrize(
    ("place", "line", "message"),
    [
        (1, "a2 0", "line 2: expected <image> <1>, got 'a2 0'"),
        (5, "c2 1", "line 6: expected the label of the pair's first line, 2"),
        (4, "c1 3", "line 5: expected <image> <1 or 2>"),
        (8, "a1 1", "line 9: expected <image> <0>"),
        (2, "b1", "line 3: expected <image>"),
        (2, "b1 1 1", "line 3: expected <image>"),
        (7, "d1 2", "line 7: d1 is paired with itself"),
        (2, "../b1 1", "line 3: .*points out"),
    ],
)
def test_damaged_lines(tmp_path: Path, place: int, line: str, message: str) -> None:
    lines = CALFW + OTHERS
    lines[place] = line
    with pytest.raises(PairsError, match=message):
        read_two_line_pairs(written(tmp_path, lines), num_folds=2)


@pytest.mark.parametrize("lines", [[], CALFW + OTHERS[:-1], CALFW + OTHERS[:-2]])
def test_a_number_of_lines_that_makes_no_folds(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(PairsError, match=f"has {len(lines)} lines, two a pair, which make no 2 equal folds"):
        read_two_line_pairs(written(tmp_path, lines), num_folds=2)


def test_a_pair_that_stands_twice(tmp_path: Path) -> None:
    lines = [*CALFW[:6], "a1 2", "a2 2", *OTHERS]
    with pytest.raises(PairsError, match=r"line 7: the pair a1, a2 stands already at .*, line 1"):
        read_two_line_pairs(written(tmp_path, lines), num_folds=2)
