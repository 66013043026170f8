"""The layout of CPLFW."""

import re
from pathlib import Path

from marginface.data.layout.cplfw import write_cplfw
from marginface.data.pair_lists import read_two_line_pairs


def test_the_list_line_by_line(tmp_path: Path) -> None:
    write_cplfw(tmp_path, num_folds=2)
    text = (tmp_path / "pairs_CPLFW.txt").read_bytes().decode()
    lines = text.split("\r\n")
    assert lines[-1] == ""
    assert "\n" not in text.replace("\r\n", "")
    assert all(re.fullmatch(r"[A-Za-z0-9_]+_\d+\.jpg \d", line) for line in lines[:-1])
    labels = [int(line[-1]) for line in lines[:-1]]
    assert labels[::2] == labels[1::2] == [1, 1, 1, 1, 0, 0, 0, 0]


def test_every_image_of_the_list_is_there(tmp_path: Path) -> None:
    write_cplfw(tmp_path, num_folds=2)
    pairs = read_two_line_pairs(tmp_path / "pairs_CPLFW.txt", num_folds=2)
    assert len(pairs) == 8
    for name in {image for pair in pairs for image in (pair.first, pair.second)}:
        assert (tmp_path / "aligned images" / name).is_file()
