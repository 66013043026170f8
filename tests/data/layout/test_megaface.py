"""The synthetic MegaFace is one that the benchmark reads."""

from pathlib import Path

import numpy as np
import pytest

from marginface.benchmark.megaface import MegaFace
from marginface.data.layout.megaface import write_megaface


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("megaface")
    write_megaface(folder, num_identities=2, photos_per_identity=2, num_distractors=12)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_listed_photo_is_a_face(root: Path) -> None:
    benchmark = MegaFace(root)
    assert len(benchmark.images) == 4 + 12
    assert all(benchmark.images.load(number).shape == (112, 112, 3) for number in range(16))
    assert benchmark.images.where(0).endswith("facescrub_images/Ada_Ash/Ada_Ash_0.png")
    assert benchmark.images[0].startswith(b"\x89PNG")
    assert benchmark.images[4].startswith(b"\xff\xd8")


def test_the_small_list_is_no_beginning_of_the_large_one(root: Path) -> None:
    rows = MegaFace(root).photos.distractors.subset[10]
    assert len(set(rows.tolist())) == 10
    assert rows.tolist() != list(range(10))


def test_noise_lists_name_listed_photos(root: Path) -> None:
    benchmark = MegaFace(root, probe_noises="facescrub_noises.txt", distractor_noises="megaface_noises.txt")
    assert benchmark.photos.excluded["probes named as noise"] == 1
    assert benchmark.photos.excluded["distractors named as noise"] == 1


def test_fgnet_and_the_same_bytes_again(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_megaface(tmp_path / folder, "fgnet", 1, 2, num_distractors=3, sizes=(), seed=5)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    photos = MegaFace(tmp_path / "a", probe="fgnet").photos
    assert list(photos.probe) == ["001A02.JPG", "001A07.JPG"]
    np.testing.assert_array_equal(photos.identity, [0, 0])
