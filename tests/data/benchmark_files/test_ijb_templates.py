"""Templates of IJB: what each image counts, and what becomes of images that are missing."""

from pathlib import Path

import numpy as np
import pytest

from marginface.data.benchmark_files.ijb import IjbPack
from marginface.data.benchmark_files.ijb_templates import read_templates
from marginface.data.decode import encode
from marginface.data.errors import DataError, DataNotFoundError

FACE = "38 52 74 52 56 72 42 92 71 92"
# template 7: a still, three frames of a video; template 3: a frame of the same video, a still
MEMBERS = ["1.jpg 7 70", "2.jpg 7 71", "3.jpg 7 71", "4.jpg 7 71", "5.jpg 3 71", "6.jpg 3 72"]


@pytest.fixture
def pack(tmp_path: Path) -> IjbPack:
    (tmp_path / "meta").mkdir()
    (tmp_path / "loose_crop").mkdir()
    pack = IjbPack(tmp_path, "ijbb")
    names = [row.split()[0] for row in MEMBERS]
    for name in names:
        (pack.crops / name).write_bytes(encode(np.zeros((8, 8, 3), np.uint8)))
    rows = [f"{name} {FACE} 0.{i}\n" for i, name in enumerate(names, 1)]
    pack.list_path("face_tid_mid.txt").write_text("\n".join(MEMBERS))
    pack.list_path("name_5pts_score.txt").write_text("".join(reversed(rows)))
    return pack


def without_landmarks(pack: IjbPack, *names: str) -> None:
    path = pack.list_path("name_5pts_score.txt")
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join(row for row in rows if row.split()[0] not in names))


def test_an_image_counts_by_its_medium_within_its_template(pack: IjbPack) -> None:
    templates = read_templates(pack)
    assert templates.images.names == [f"{i}.jpg" for i in range(1, 7)]
    assert templates.ids.tolist() == [3, 7]
    assert templates.row.tolist() == [1, 1, 1, 1, 0, 0]
    np.testing.assert_allclose(templates.share, [1, 1 / 3, 1 / 3, 1 / 3, 1, 1])
    np.testing.assert_allclose(templates.score, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert templates.images.landmarks[0].ravel().tolist() == [float(word) for word in FACE.split()]
    assert templates.excluded == {}


def test_rows_are_found_by_template_id(pack: IjbPack) -> None:
    templates = read_templates(pack)
    assert templates.rows_of(np.array([7, 3, 5, 99, 0, 7])).tolist() == [1, 0, -1, -1, -1, 1]
    assert templates.first_image().tolist() == [4, 0]


def test_an_image_in_two_templates_is_embedded_once(pack: IjbPack) -> None:
    pack.list_path("face_tid_mid.txt").write_text("\n".join([*MEMBERS, "1.jpg 3 70"]))
    templates = read_templates(pack)
    assert len(templates.images) == 6
    assert templates.image.tolist() == [0, 1, 2, 3, 4, 5, 0]
    assert templates.row.tolist() == [1, 1, 1, 1, 0, 0, 0]


def test_images_that_lack_something_fail(pack: IjbPack) -> None:
    (pack.crops / "3.jpg").unlink()
    with pytest.raises(DataNotFoundError, match=r"1 of the 6 images of ijbb's loose crops are missing.*3\.jpg"):
        read_templates(pack)
    without_landmarks(pack, "2.jpg", "6.jpg")
    with pytest.raises(DataError, match=r"2 of the 6 images .*no row in .*the first is 2\.jpg.*on_missing=exclude"):
        read_templates(pack)


def test_or_they_are_left_out_and_counted(pack: IjbPack) -> None:
    (pack.crops / "3.jpg").unlink()
    without_landmarks(pack, "5.jpg", "6.jpg")
    templates = read_templates(pack, "exclude")
    assert templates.excluded == {"images without landmarks": 2, "images without a file": 1}
    assert templates.images.names == ["1.jpg", "2.jpg", "4.jpg"]
    np.testing.assert_allclose(templates.score, [0.1, 0.2, 0.4])
    assert templates.ids.tolist() == [7]  # template 3 has no image left
    np.testing.assert_allclose(templates.share, [1, 1 / 2, 1 / 2])
    assert templates.rows_of(np.array([3, 7])).tolist() == [-1, 0]


def test_nothing_left_is_refused(pack: IjbPack) -> None:
    without_landmarks(pack, *(f"{i}.jpg" for i in range(2, 7)))
    (pack.crops / "1.jpg").unlink()
    with pytest.raises(DataError, match=r"no image of .* has both a file and landmarks"):
        read_templates(pack, "exclude")
    with pytest.raises(ValueError, match="on_missing='skip' is unknown; choose one of fail, exclude"):
        read_templates(pack, "skip")
