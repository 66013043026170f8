import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from marginface.data.decode import decode
from marginface.data.layout.photos import write_photos
from marginface.data.synthetic import SyntheticFaces
from marginface.prepare import align_photos, pack_pairs, read_landmarks

SMALL = {"num_people": 3, "photos_per_person": 2, "num_folds": 2, "num_pairs": 1, "num_duplicates": 1}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    write_photos(root, **SMALL, num_misfiled=1, num_unmarked=1)
    return root


def test_photos_are_larger_than_crops_and_of_many_sizes(photos: Path) -> None:
    shapes = {decode(path.read_bytes(), str(path)).shape for path in (photos / "train").rglob("*.jpg")}
    assert len(shapes) > 3
    assert min(min(height, width) for height, width, _ in shapes) >= 112


def test_the_list_names_every_photo_with_its_person(photos: Path) -> None:
    listed = read_landmarks(photos / "train" / "landmarks.csv")
    found = {path.relative_to(photos / "train").as_posix() for path in (photos / "train").rglob("*.jpg")}
    assert {photo.path for photo in listed} == found
    assert all(photo.label == photo.path.split("/")[0] for photo in listed)
    assert Counter(photo.label for photo in listed) == {"person_000": 3, "person_001": 3, "person_002": 3}


def test_the_mistakes_are_where_they_are_said_to_be(photos: Path) -> None:
    train = photos / "train"
    assert (train / "person_000" / "2.jpg").read_bytes() == (train / "person_000" / "0.jpg").read_bytes()
    with (train / "landmarks.csv").open() as file:
        unmarked = [row["path"] for row in csv.DictReader(file) if not row["x1"]]
    assert unmarked == ["person_001/4.jpg"]
    assert (train / "person_002" / "3.jpg").is_file()


def test_alignment_gives_the_drawn_faces_back(photos: Path, tmp_path: Path) -> None:
    """The stranger is nobody of the others."""
    align_photos(photos / "train", tmp_path / "crops", photos / "train" / "landmarks.csv", progress=False)
    faces = SyntheticFaces(1, 1)
    inner = np.s_[12:100, 12:100]  # the border fades into the scene

    def differs(crop: str, identity: int, sample: int) -> float:
        got = decode((tmp_path / "crops" / crop).read_bytes(), crop)[inner].astype(float)
        return float(np.abs(got - faces.render(identity, sample)[inner]).mean())

    for person, sample in ((0, 0), (1, 1), (2, 0)):
        own = differs(f"person_{person:03d}/{sample}.jpg", 4 + person, sample)  # 4 people are in the pairs
        assert own < 8 < 16 < differs(f"person_{person:03d}/{sample}.jpg", 4 + (person + 1) % 3, sample)
    assert differs("person_002/3.jpg", 7, 0) < 8
    assert differs("person_002/3.jpg", 6, 0) > 16
    assert not (tmp_path / "crops" / "person_001" / "4.jpg").exists()


def test_the_pairs_can_be_packed(photos: Path, tmp_path: Path) -> None:
    pairs = photos / "pairs"
    align_photos(pairs, tmp_path / "crops", pairs / "landmarks.csv", progress=False)
    card = pack_pairs(tmp_path / "crops", tmp_path / "own.bin", (pairs / "pairs.txt").absolute())
    assert card.num_pairs == 4
    rows = [line.split("\t") for line in (pairs / "pairs.txt").read_text().splitlines()]
    assert [(row[2], row[3]) for row in rows] == [("1", "0"), ("0", "0"), ("1", "1"), ("0", "1")]
    people = [{row[i].split("/")[0] for row in rows if row[3] == fold for i in (0, 1)} for fold in "01"]
    assert not people[0] & people[1]
    assert all((row[0].split("/")[0] == row[1].split("/")[0]) == (row[2] == "1") for row in rows)


def test_the_seed_decides_the_bytes(photos: Path, tmp_path: Path) -> None:
    write_photos(tmp_path / "again", **SMALL, num_misfiled=1, num_unmarked=1)
    write_photos(tmp_path / "other", **SMALL, num_misfiled=1, num_unmarked=1, seed=1)
    name = "train/person_001/0.jpg"
    assert (tmp_path / "again" / name).read_bytes() == (photos / name).read_bytes()
    assert (tmp_path / "other" / name).read_bytes() != (photos / name).read_bytes()


def test_more_mistakes_than_people_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"num_misfiled=3: choose 0 to 2, for num_people is 3"):
        write_photos(tmp_path, num_people=3, num_duplicates=0, num_misfiled=3)
