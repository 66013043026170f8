"""The layout of CFP."""

from pathlib import Path

import pytest

from marginface.data.layout.cfp import write_cfp
from marginface.data.pair_lists import read_cfp_pairs


def test_the_lists_line_by_line(tmp_path: Path) -> None:
    write_cfp(tmp_path, num_folds=2, num_frontal=3, num_profile=2)
    frontal = (tmp_path / "Protocol" / "Pair_list_F.txt").read_bytes().decode().split("\n")
    assert frontal[:4] == [
        "1 ../Data/Images/001/frontal/01.jpg",
        "2 ../Data/Images/001/frontal/02.jpg",
        "3 ../Data/Images/001/frontal/03.jpg",
        "4 ../Data/Images/002/frontal/01.jpg",
    ]
    assert len(frontal) == 4 * 3 + 1
    profile = (tmp_path / "Protocol" / "Pair_list_P.txt").read_text().splitlines()
    assert profile[-1] == "8 ../Data/Images/004/profile/02.jpg"
    splits = sorted(path.relative_to(tmp_path / "Protocol").as_posix() for path in tmp_path.rglob("same.txt"))
    assert splits == [f"Split/{split}/{fold}/same.txt" for split in ("FF", "FP") for fold in ("01", "02")]
    numbers = (tmp_path / "Protocol" / "Split" / "FP" / "02" / "diff.txt").read_text().splitlines()
    assert len(numbers) == 2
    assert all(7 <= int(line.split(",")[0]) <= 12 and 5 <= int(line.split(",")[1]) <= 8 for line in numbers)


@pytest.mark.parametrize("split", ["FF", "FP"])
def test_every_image_of_the_lists_is_there(tmp_path: Path, split: str) -> None:
    write_cfp(tmp_path, num_folds=2)
    pairs = read_cfp_pairs(tmp_path / "Protocol", split, num_folds=2)
    assert [pair.same for pair in pairs] == [True, True, False, False] * 2
    assert all((pair.first[:3] == pair.second[:3]) == pair.same for pair in pairs)
    for name in {image for pair in pairs for image in (pair.first, pair.second)}:
        assert (tmp_path / "Data" / "Images" / name).is_file()


def test_more_pairs_than_the_images_make(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="num_pairs=3"):
        write_cfp(tmp_path, num_folds=1, num_pairs=3)
