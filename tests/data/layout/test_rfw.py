"""The layouts of RFW."""

import re
from pathlib import Path

from marginface.data.layout.rfw import GROUPS, write_rfw, write_rfw_bins
from marginface.data.pair_lists import read_rfw_pairs
from marginface.data.pairs import read_pairs


def test_lists_and_images_of_every_group(tmp_path: Path) -> None:
    write_rfw(tmp_path, num_folds=2, num_pairs=1)
    people: set[str] = set()
    for group in GROUPS:
        path = tmp_path / "txts" / group / f"{group}_pairs.txt"
        lines = path.read_bytes().decode().split("\n")
        assert re.fullmatch(r"m\.0\w+\t\d\t\d", lines[0])
        assert re.fullmatch(r"m\.0\w+\t\d\tm\.0\w+\t\d", lines[1])
        pairs = read_rfw_pairs(path, num_folds=2)
        names = {image for pair in pairs for image in (pair.first, pair.second)}
        assert all((tmp_path / "data" / group / name).is_file() for name in names)
        found = {name.split("/")[0] for name in names}
        assert people.isdisjoint(found)
        people |= found


def test_packed_pairs_are_those_of_the_lists(tmp_path: Path) -> None:
    options = {"num_folds": 1, "num_pairs": 1, "groups": ("North", "South")}
    write_rfw(tmp_path, **options)  # type: ignore[arg-type]
    write_rfw_bins(tmp_path, **options)  # type: ignore[arg-type]
    packed = read_pairs(tmp_path / "South_test.bin")
    listed = read_rfw_pairs(tmp_path / "txts" / "South" / "South_pairs.txt", num_folds=1)
    assert packed.same.tolist() == [pair.same for pair in listed]
    for pair, first, second in zip(listed, packed.first, packed.second, strict=True):
        for name, index in ((pair.first, first), (pair.second, second)):
            assert (tmp_path / "data" / "South" / name).read_bytes() == packed.images[index]
