import pickle
from pathlib import Path

import numpy as np
import pytest

from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.folder import ImageFolder


def _fill(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(file.encode())
    return root


def test_identities_and_images_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    _fill(tmp_path, "zoe/1.jpg", "ann/b.PNG", "ann/a.jpeg", "ann/notes.txt", "bob/x.webp", "bob/y.bmp", "list.txt")
    _fill(tmp_path, ".cache/1.jpg", "zoe/.thumb.jpg")
    faces = ImageFolder(tmp_path, image_size=(112, 96))
    assert faces.classes == ["ann", "bob", "zoe"]
    read = [faces.read(i).decode() for i in range(len(faces))]
    assert read == ["ann/a.jpeg", "ann/b.PNG", "bob/x.webp", "bob/y.bmp", "zoe/1.jpg"]
    assert faces.labels.tolist() == [0, 0, 1, 1, 2]
    assert faces.labels.dtype == np.int64
    for wrong in (112, [112], [112, 0], [112, "96"]):
        with pytest.raises(ValueError, match=r"image_size=.* must be height and width in pixels"):
            ImageFolder(tmp_path, image_size=wrong)
    assert (faces.num_classes, faces.image_size) == (3, (112, 96))
    assert faces.where(1) == str(tmp_path / "ann" / "b.PNG")


def test_a_pickled_folder_reads_the_same(tmp_path: Path) -> None:
    faces = pickle.loads(pickle.dumps(ImageFolder(_fill(tmp_path, "ann/1.jpg", "bob/2.jpg"))))
    assert faces.read(1) == b"bob/2.jpg"


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"nowhere: there is no such folder.*one sub-folder an identity"):
        ImageFolder(tmp_path / "nowhere")


def test_a_folder_without_sub_folders(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="it has no sub-folder"):
        ImageFolder(_fill(tmp_path, "1.jpg"))


def test_a_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="its sub-folders hold no image"):
        ImageFolder(_fill(tmp_path, "ann/notes.txt"))


def test_an_identity_without_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"ann holds no image.*fill it or delete it"):
        ImageFolder(_fill(tmp_path, "ann/notes.txt", "bob/1.jpg"))


def test_an_image_that_went_away(tmp_path: Path) -> None:
    faces = ImageFolder(_fill(tmp_path, "ann/1.jpg"))
    (tmp_path / "ann" / "1.jpg").unlink()
    with pytest.raises(DataNotFoundError, match=r"1\.jpg is gone"):
        faces.read(0)
