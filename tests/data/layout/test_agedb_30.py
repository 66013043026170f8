"""The layout of AgeDB-30."""

import re
from pathlib import Path

from marginface.data.layout.agedb_30 import write_agedb_30
from marginface.data.pair_lists import read_agedb_pairs


def test_the_list_line_by_line(tmp_path: Path) -> None:
    write_agedb_30(tmp_path, num_folds=2)
    image = r"\d+_[A-Za-z0-9]+_\d+_[mf]\.jpg"
    lines = (tmp_path / "agedb_30.txt").read_bytes().decode().split("\n")
    assert len(lines) == 9
    assert all(re.fullmatch(rf"{image} {image} (1|-1)", line) for line in lines[:-1])


def test_every_fold_is_balanced_and_every_image_is_there(tmp_path: Path) -> None:
    write_agedb_30(tmp_path, num_folds=3)
    pairs = read_agedb_pairs(tmp_path / "agedb_30.txt", num_folds=3)
    assert [sum(pair.same for pair in pairs if pair.fold == fold) for fold in range(3)] == [2, 2, 2]
    for name in {image for pair in pairs for image in (pair.first, pair.second)}:
        assert (tmp_path / "03_Protocol_Images" / name).is_file()
    ages = {int(path.stem.split("_")[2]) for path in (tmp_path / "03_Protocol_Images").iterdir()}
    assert ages == {30, 60}
