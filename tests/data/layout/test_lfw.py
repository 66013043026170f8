"""The layout of LFW."""

import re
from pathlib import Path

from marginface.data.decode import decode
from marginface.data.layout.lfw import write_lfw
from marginface.data.pair_lists import read_lfw_pairs


def test_the_list_byte_by_byte(tmp_path: Path) -> None:
    write_lfw(tmp_path, num_folds=2)
    lines = (tmp_path / "pairs.txt").read_bytes().decode().split("\n")
    assert lines[0] == "2\t2"
    assert lines[-1] == ""
    assert len(lines) == 1 + 2 * (2 + 2) + 1
    assert all(re.fullmatch(r"\w+\t\d+\t\d+", line) for i in (1, 2, 5, 6) for line in [lines[i]])
    assert all(re.fullmatch(r"\w+\t\d+\t\w+\t\d+", line) for i in (3, 4, 7, 8) for line in [lines[i]])


def test_every_image_of_the_list_is_an_aligned_face(tmp_path: Path) -> None:
    write_lfw(tmp_path, num_folds=2, num_pairs=3)
    pairs = read_lfw_pairs(tmp_path / "pairs.txt")
    assert [pair.fold for pair in pairs] == [0] * 6 + [1] * 6
    for name in {image for pair in pairs for image in (pair.first, pair.second)}:
        assert re.fullmatch(r"(\w+)/\1_\d{4}\.jpg", name)
        assert decode((tmp_path / name).read_bytes(), name).shape == (112, 112, 3)


def test_the_seed_decides(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_lfw(tmp_path / name, num_folds=1, seed=seed)
    first, again, other = ([path.read_bytes() for path in sorted((tmp_path / name).rglob("*.jpg"))] for name in "abc")
    assert first == again != other
