import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from marginface.data import encode
from marginface.data.errors import DataNotFoundError, ImageDecodeError
from marginface.data.image_set import ImageFiles, ImageSet, as_image_set


@pytest.fixture
def files(tmp_path: Path) -> ImageFiles:
    (tmp_path / "p").mkdir()
    for i, name in enumerate(("p/1.jpg", "2.jpg")):
        (tmp_path / name).write_bytes(encode(np.full((8, 6, 3), 100 * i, np.uint8)))
    return ImageFiles(tmp_path, ["p/1.jpg", "2.jpg"], "the test")


def test_images_in_memory_and_in_files_are_read_alike(files: ImageFiles) -> None:
    in_memory = ImageSet(list(files), "the copy")
    for images in (files, in_memory, pickle.loads(pickle.dumps(files))):
        assert len(images) == 2
        assert images[1:] == [in_memory[1]]
        assert [int(images.load(i).mean()) for i in range(2)] == [0, 100]
        assert images.load(0).shape == (8, 6, 3)
    assert in_memory.where(1) == "image 1 of the copy"
    assert files.where(0).endswith("p/1.jpg")


def test_a_fingerprint_changes_with_the_images_and_their_order(files: ImageFiles) -> None:
    images = list(files)
    assert ImageSet(images).fingerprint() == ImageSet(tuple(images), "other").fingerprint()
    assert len({ImageSet(part).fingerprint() for part in (images, images[::-1], images[:1])}) == 3
    assert ImageSet([b"ab", b"c"]).fingerprint() != ImageSet([b"a", b"bc"]).fingerprint()
    before = files.fingerprint()
    assert before == ImageFiles(files.root, files.names).fingerprint()
    assert before != ImageFiles(files.root, files.names[::-1]).fingerprint()
    os.utime(files.root / "2.jpg", ns=(0, 0))
    assert files.fingerprint() != before


def test_missing_files_are_counted_and_the_first_is_named(tmp_path: Path, files: ImageFiles) -> None:
    with pytest.raises(DataNotFoundError, match=r"2 of the 3 images of LFW are missing below .*, the first is x\.jpg"):
        ImageFiles(files.root, ["2.jpg", "x.jpg", "y/z.jpg"], "LFW")


def test_a_damaged_image_is_named(files: ImageFiles) -> None:
    (files.root / "2.jpg").write_bytes(b"no image")
    with pytest.raises(ImageDecodeError, match=r"2\.jpg"):
        files.load(1)


def test_a_set_stays_as_it_is_and_a_list_gets_a_name(files: ImageFiles) -> None:
    assert as_image_set(files, "other") is files
    assert as_image_set([b"a"], "lfw").where(0) == "image 0 of lfw"
