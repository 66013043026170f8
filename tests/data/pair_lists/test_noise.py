"""Lists of wrongly labelled pairs."""

from pathlib import Path

import pytest

from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pair_lists import ListedPair, read_wrong_pairs

LISTED = [
    ListedPair("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", True, 0, ""),
    ListedPair("Ann/Ann_0001.jpg", "Bob/Bob_0003.jpg", False, 0, ""),
    ListedPair("Cid/Cid_0001.jpg", "Cid/Cid_0002.jpg", True, 1, ""),
]


def written(folder: Path, text: str) -> Path:
    (folder / "noise.txt").write_text(text)
    return folder / "noise.txt"


def test_numbers_and_lines_of_the_list(tmp_path: Path) -> None:
    path = written(tmp_path, "# two of them\n3\nAnn\t1\tBob\t3\n3\n")
    assert read_wrong_pairs(path, 3, LISTED).tolist() == [1, 2]
    assert read_wrong_pairs(written(tmp_path, "# none\n"), 3, LISTED).tolist() == []
    assert read_wrong_pairs(written(tmp_path, "1\n"), 3, None).tolist() == [0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\n", "line 1: expected the number of a pair, 1 to 3, got '0'"),
        ("4\n", "1 to 3"),
        ("one\n", "1 to 3"),
        ("Ann 1\n", "line 1: expected name1 n1 name2 n2"),
        ("1\nAnn\t2\t1\n", "line 2: 'Ann 2 1' is no pair of the list"),
    ],
)
def test_lines_that_are_no_pair(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PairsError, match=message):
        read_wrong_pairs(written(tmp_path, text), 3, LISTED)


def test_a_bin_has_no_names_and_a_file_may_be_missing(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match=r"as a \.bin has no names"):
        read_wrong_pairs(written(tmp_path, "Ann\t1\t2\n"), 3, None)
    with pytest.raises(DataNotFoundError, match=r"absent\.txt"):
        read_wrong_pairs(tmp_path / "absent.txt", 3, LISTED)


def test_a_number_of_thousands_of_digits_is_malformed(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match="expected the number of a pair"):
        read_wrong_pairs(written(tmp_path, "9" * 5000), 3, LISTED)
