"""The lists of CFP."""

import shutil
from pathlib import Path

import pytest

from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pair_lists import read_cfp_pairs

SPLITS = {
    "FF/01/same.txt": "1,2\n",
    "FF/01/diff.txt": "2,3\n",
    "FF/02/same.txt": "3,4\n",
    "FF/02/diff.txt": "4,1\n",
    "FP/01/same.txt": "1,1\n",
    "FP/01/diff.txt": "1,2\n",
    "FP/02/same.txt": "4,2\n",
    "FP/02/diff.txt": "4,1\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people, two frontal images and one profile image each."""
    for name, text in SPLITS.items():
        (tmp_path / "Split" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "Split" / name).write_text(text)
    frontal = [f"{2 * p + i} ../Data/Images/00{p + 1}/frontal/0{i}.jpg\n" for p in (0, 1) for i in (1, 2)]
    (tmp_path / "Pair_list_F.txt").write_text("".join(frontal))
    (tmp_path / "Pair_list_P.txt").write_text("".join(f"{p} ../Data/Images/00{p}/profile/01.jpg\n" for p in (1, 2)))
    return tmp_path


def test_frontal_to_frontal(folder: Path) -> None:
    pairs = read_cfp_pairs(folder, "FF", num_folds=2)
    assert [(pair.first, pair.second, pair.same, pair.fold) for pair in pairs] == [
        ("001/frontal/01.jpg", "001/frontal/02.jpg", True, 0),
        ("001/frontal/02.jpg", "002/frontal/01.jpg", False, 0),
        ("002/frontal/01.jpg", "002/frontal/02.jpg", True, 1),
        ("002/frontal/02.jpg", "001/frontal/01.jpg", False, 1),
    ]


def test_frontal_to_profile(folder: Path) -> None:
    pairs = read_cfp_pairs(folder, "FP", num_folds=2)
    assert [(pair.first, pair.second) for pair in pairs] == [
        ("001/frontal/01.jpg", "001/profile/01.jpg"),
        ("001/frontal/01.jpg", "002/profile/01.jpg"),
        ("002/frontal/02.jpg", "002/profile/01.jpg"),
        ("002/frontal/02.jpg", "001/profile/01.jpg"),
    ]
    (folder / "Pair_list_P.txt").unlink()
    assert len(read_cfp_pairs(folder, "FF", num_folds=2)) == 4
    with pytest.raises(DataNotFoundError, match=r"Pair_list_P\.txt is missing"):
        read_cfp_pairs(folder, "FP", num_folds=2)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("Split/FF/01/same.txt", "1;2\n", r"01/same\.txt, line 1: expected two image numbers a,b"),
        ("Split/FF/01/same.txt", "1,2,3\n", "line 1: expected two image numbers"),
        ("Split/FF/02/diff.txt", "4,5\n", "line 1: there is no image 5, the list has 4"),
        ("Split/FF/02/diff.txt", "0,4\n", "there is no image 0"),
        ("Split/FF/02/diff.txt", "4,1\n3,1\n", r"1 pairs in same\.txt, 2 in diff\.txt"),
        ("Split/FF/02/diff.txt", "", r"1 pairs in same\.txt, 0 in diff\.txt"),
        ("Split/FF/02/diff.txt", "2,3\n", "line 1: the pair .* stands already"),
        ("Split/FF/02/same.txt", "3,3\n", "paired with itself"),
        ("Pair_list_F.txt", "1 Data/Images/001/frontal/01.jpg\n", r"Pair_list_F\.txt, line 1: expected <number>"),
        ("Pair_list_F.txt", "1 ../Data/Images/../../a.jpg\n", "line 1: .*points out"),
        ("Pair_list_F.txt", "1 ../Data/Images/a.jpg\n1 ../Data/Images/b.jpg\n", r"line 2: .*1 is a\.jpg"),
    ],
)
def test_damaged_lists(folder: Path, name: str, text: str, message: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(PairsError, match=message):
        read_cfp_pairs(folder, "FF", num_folds=2)


def test_folds_that_are_missing_or_unequal(folder: Path) -> None:
    with pytest.raises(PairsError, match=r"has the folds \['01', '02'\], expected \['01', '02', '03'\]"):
        read_cfp_pairs(folder, "FF", num_folds=3)
    (folder / "Split" / "FF" / "02" / "same.txt").write_text("3,4\n4,3\n")
    (folder / "Split" / "FF" / "02" / "diff.txt").write_text("4,1\n3,1\n")
    with pytest.raises(PairsError, match=r"02 has 4 pairs, .*01 has 2"):
        read_cfp_pairs(folder, "FF", num_folds=2)
    shutil.rmtree(folder / "Split" / "FF")
    with pytest.raises(DataNotFoundError, match="FF is missing"):
        read_cfp_pairs(folder, "FF", num_folds=2)


@pytest.mark.parametrize("name", ["Pair_list_F.txt", "Split/FF/01/same.txt"])
def test_numbers_of_thousands_of_digits_are_malformed(folder: Path, name: str) -> None:
    path = folder / name
    path.write_text(path.read_text().replace("1", "9" * 5000, 1))
    with pytest.raises(PairsError, match=r"line 1: expected"):
        read_cfp_pairs(folder, "FF", 2)
