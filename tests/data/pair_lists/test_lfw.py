"""The list of LFW."""

from pathlib import Path

import pytest

from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pair_lists import read_lfw_pairs

LINES = ["2\t1", "Ann\t1\t2", "Ann\t1\tBob\t1", "Cid\t1\t3", "Cid\t3\tDan\t1"]


def written(folder: Path, lines: list[str]) -> Path:
    (folder / "pairs.txt").write_text("\n".join(lines) + "\n")
    return folder / "pairs.txt"


def test_the_folds_of_the_list(tmp_path: Path) -> None:
    path = written(tmp_path, LINES)
    pairs = read_lfw_pairs(path)
    assert [(pair.first, pair.second, pair.same, pair.fold) for pair in pairs] == [
        ("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", True, 0),
        ("Ann/Ann_0001.jpg", "Bob/Bob_0001.jpg", False, 0),
        ("Cid/Cid_0001.jpg", "Cid/Cid_0003.jpg", True, 1),
        ("Cid/Cid_0003.jpg", "Dan/Dan_0001.jpg", False, 1),
    ]
    assert pairs[2].where == f"{path}, line 4"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], r"pairs\.txt is empty"),
        (["500", *LINES[1:]], "line 1: expected the numbers of folds and of pairs"),
        (["2\tone", *LINES[1:]], "line 1: expected the numbers"),
        (["0\t1", *LINES[1:]], "line 1: expected the numbers"),
        (LINES[1:], "line 1: expected the numbers"),
        (LINES[:-1], r"declares 2 folds of 1 \+ 1 pairs, 4 lines, but has 3"),
        ([*LINES, "Eve\t1\t2"], "4 lines, but has 5"),
        ([LINES[0], LINES[2], LINES[1], *LINES[3:]], "line 2: expected name n1 n2"),
        ([*LINES[:4], "Cid\tx\tDan\t1"], "line 5: .*whole image numbers"),
        (["2\t1", "Ann\t1\t2", LINES[2], "Ann\t1\t2", LINES[4]], "line 4: the pair .* stands already at .*, line 2"),
        (["2\t1", "Ann\t1\t1", *LINES[2:]], r"line 2: Ann/Ann_0001\.jpg is paired with itself"),
    ],
)
def test_damaged_lists(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(PairsError, match=message):
        read_lfw_pairs(written(tmp_path, lines))


def test_a_missing_list(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"pairs\.txt is missing"):
        read_lfw_pairs(tmp_path / "pairs.txt")


@pytest.mark.parametrize("header", ["9" * 5000 + "\t1", "2\t" + "9" * 5000, "2\t1\t1", "2", "0\t1", "²\t1"])
def test_a_header_of_other_words_is_malformed(tmp_path: Path, header: str) -> None:
    with pytest.raises(PairsError, match=r"line 1: expected the numbers of folds and of pairs"):
        read_lfw_pairs(written(tmp_path, [header, *LINES[1:]]))
