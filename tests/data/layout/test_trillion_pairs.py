"""The synthetic Trillion Pairs is one that the benchmark reads."""

from pathlib import Path

from marginface.benchmark.trillion_pairs import TrillionPairs
from marginface.data.layout.trillion_pairs import write_trillion_pairs


def test_probes_and_gallery_are_mixed_up_in_a_sorted_list(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_trillion_pairs(tmp_path / folder, num_identities=2, images_per_identity=2, num_strangers=5)
    lines = (tmp_path / "a" / "testdata_lmk.txt").read_text().splitlines()
    assert lines == (tmp_path / "b" / "testdata_lmk.txt").read_text().splitlines()
    assert lines == sorted(lines)
    assert all(len(line.split(" ")) == 11 for line in lines)
    benchmark = TrillionPairs(tmp_path / "a", labels="labels.txt")
    benchmark.check()
    assert [benchmark.images.load(number).shape for number in range(9)] == [(112, 112, 3)] * 9
    labels = [int(line) for line in (tmp_path / "a" / "labels.txt").read_text().split()]
    assert sorted(labels) == [-1, -1, -1, -1, -1, 0, 0, 1, 1]
    assert labels != sorted(labels)
