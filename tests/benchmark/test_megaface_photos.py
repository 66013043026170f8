"""Which photos take part, and what is counted of those that do not."""

from pathlib import Path

import pytest

from marginface.benchmark.megaface_photos import MegaFacePhotos, read_photos
from marginface.data.benchmark_files.megaface_distractors import list_name, read_distractors
from marginface.data.benchmark_files.megaface_lists import PhotoList, write_photo_list
from marginface.data.errors import DataError, DataNotFoundError

PROBES = PhotoList(["A/1", "B/1", "A/2", "A/3", "B/2", "C/1"], ["A", "B", "A", "A", "B", "C"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_photo_list(tmp_path / "probes", PROBES)
    write_photo_list(tmp_path / list_name(4, 1), PhotoList(["1/p", "1/q", "2/p", "2/q"]))
    return tmp_path


def photos(root: Path, **options: Path) -> MegaFacePhotos:
    return read_photos(root / "probes", read_distractors(root, [2, 4], 1, "prefix"), **options)


def test_an_identity_with_one_photo_has_no_probe(root: Path) -> None:
    read = photos(root)
    assert list(read.probe) == ["A/1", "B/1", "A/2", "A/3", "B/2"]
    assert read.identity.tolist() == [0, 1, 0, 0, 1]
    assert read.excluded == {"probes without another photo of their identity": 1}


def test_noise_is_left_out_and_may_take_the_last_mate(root: Path) -> None:
    (root / "probe_noises").write_text("#comment\nB/2\nnot/there\n")
    (root / "other_noises").write_text("1/q\n")
    read = photos(root, probe_noises=root / "probe_noises", distractor_noises=root / "other_noises")
    assert list(read.probe) == ["A/1", "A/2", "A/3"]
    assert list(read.distractors.path) == ["1/p", "2/p", "2/q"]
    assert {size: rows.tolist() for size, rows in read.distractors.subset.items()} == {2: [0], 4: [0, 1, 2]}
    assert read.excluded == {
        "probes named as noise": 1,
        "distractors named as noise": 1,
        "probes without another photo of their identity": 2,
    }


def test_missing_images_are_left_out_and_counted_once(root: Path) -> None:
    for name in (*PROBES.path[1:], "1/p", "2/p", "2/q"):
        (root / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "images" / name).touch()
    (root / "noises").write_text("A/1\n")
    read = photos(root, probe_images=root / "images", distractor_images=root / "images")
    assert list(read.probe) == ["B/1", "A/2", "A/3", "B/2"]
    assert read.excluded["probes with a missing image"] == 1
    assert read.excluded["distractors with a missing image"] == 1
    read = photos(root, probe_noises=root / "noises", probe_images=root / "images")
    assert read.excluded["probes named as noise"] == 1
    assert read.excluded["probes with a missing image"] == 0
    assert "distractors with a missing image" not in read.excluded


def test_nothing_left_is_refused(root: Path) -> None:
    write_photo_list(root / "probes", PhotoList(["A/1", "B/1"], ["A", "B"]))
    with pytest.raises(DataError, match=r"leaves 0 probes .*4 photos; left out are .*identity': 2"):
        photos(root)
    write_photo_list(root / "probes", PROBES)
    with pytest.raises(DataError, match=r"leave 0 photos; left out are .*missing image': 4"):
        photos(root, distractor_images=root / "absent")


def test_a_missing_noise_list(root: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"noise list .*absent"):
        photos(root, probe_noises=root / "absent")
