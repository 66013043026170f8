"""Folders and lists to packs: bytes that fit stay, what does not fit is told."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from sets import files, photo

from marginface.data import DataError, DataNotFoundError, FaceRecords, decode, encode, write_face_records
from marginface.data.folder import ImageFolder
from marginface.prepare import pack_faces, read_card


def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image[:, :, ::-1])[1].tobytes()


def test_a_folder_gives_the_pack_that_its_images_give(folder: Path, tmp_path: Path) -> None:
    source = ImageFolder(folder)
    write_face_records(tmp_path / "expected", [(int(y), source.read(i)) for i, y in enumerate(source.labels)])
    card = pack_faces(folder, tmp_path / "pack", progress=False)
    assert files(tmp_path / "pack") == files(tmp_path / "expected")
    assert (tmp_path / "pack" / "identities.csv").read_text() == "label,name\n0,anna\n1,bert\n2,cleo\n"
    assert card == read_card(tmp_path / "pack" / "card.json")
    assert (card.num_images, card.num_identities, card.image_size) == (6, 3, (112, 112))
    assert (card.num_encoded, card.dropped, card.quality) == (0, {}, None)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("faces.txt", ["cleo/0.jpg 10", "anna/0.jpg 9", "cleo/1.jpg 10"]),
        ("faces.txt", ["cleo/0.jpg\t10", "anna/0.jpg\t9", "cleo/1.jpg\t10"]),
        ("faces.lst", ["0\t10.000000\tcleo/0.jpg", "1\t9.000000\tanna/0.jpg", "2\t10.000000\tcleo/1.jpg"]),
    ],
)
def test_a_list_numbers_its_labels_in_their_order(folder: Path, tmp_path: Path, name: str, lines: list[str]) -> None:
    (tmp_path / name).write_text("\n".join(lines))
    pack_faces(tmp_path / name, tmp_path / "pack", images=folder, progress=False)
    records = FaceRecords(tmp_path / "pack")
    assert records.labels.tolist() == [0, 1, 1]
    names = ("anna/0.jpg", "cleo/0.jpg", "cleo/1.jpg")
    assert [records.read(i) for i in range(3)] == [(folder / path).read_bytes() for path in names]
    assert (tmp_path / "pack" / "identities.csv").read_text() == "label,name\n0,9\n1,10\n"


def test_what_cannot_be_used_is_left_out_with_its_reason(folder: Path, tmp_path: Path) -> None:
    (folder / "anna" / "0.jpg").write_bytes(b"no image")  # her only one
    (folder / "bert" / "1.jpg").write_bytes(encode(photo(1, 50, 60)))
    (folder / "cleo" / "1.jpg").rename(folder / "cleo" / "gone")
    (folder / "cleo" / "1.png").write_bytes(png(photo(2)))
    card = pack_faces(folder, tmp_path / "pack", image_size=(112, 112), quality=90, progress=False)
    assert card.dropped == {"no intact image": 1, "other size": 1}
    assert (card.num_images, card.num_identities, card.num_encoded, card.quality) == (4, 2, 1, 90)
    assert (tmp_path / "pack" / "identities.csv").read_text() == "label,name\n0,bert\n1,cleo\n"
    records = FaceRecords(tmp_path / "pack")
    assert (records.labels.tolist(), records.num_classes) == ([0, 1, 1, 1], 2)
    assert records.read(2) == encode(photo(2), 90)
    with (tmp_path / "pack" / "failures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(Path(row["name"]).name, row["kind"]) for row in rows] == [
        ("0.jpg", "no intact image"),
        ("1.jpg", "other size"),
    ]
    assert "50 x 60, its set 112 x 112" in rows[1]["detail"]


def test_a_missing_image_of_a_list_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "faces.txt").write_text("anna/0.jpg 0\nanna/7.jpg 0\n")
    card = pack_faces(tmp_path / "faces.txt", tmp_path / "pack", images=folder, progress=False)
    assert (card.num_images, card.dropped) == (1, {"missing file": 1})


def test_images_are_resized_on_demand(folder: Path, tmp_path: Path) -> None:
    (folder / "anna" / "0.jpg").write_bytes(encode(photo(1, 224, 224)))
    card = pack_faces(folder, tmp_path / "pack", image_size=(112, 112), resize=True, progress=False)
    assert (card.num_images, card.num_encoded, card.dropped) == (6, 1, {})
    small = decode(FaceRecords(tmp_path / "pack").read(0), "the pack").astype(int)
    assert small.shape == (112, 112, 3)
    assert np.abs(small - photo(1)).mean() < 3


def test_a_second_run_replaces_the_pack_and_what_was_told(folder: Path, tmp_path: Path) -> None:
    good = (folder / "anna" / "0.jpg").read_bytes()
    (folder / "anna" / "0.jpg").write_bytes(b"no image")
    pack_faces(folder, tmp_path / "pack", image_size=(112, 112), progress=False)
    (folder / "anna" / "0.jpg").write_bytes(good)
    assert pack_faces(folder, tmp_path / "pack", progress=False).num_images == 6
    assert not (tmp_path / "pack" / "failures.csv").exists()


def test_no_image_at_all_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none of its 6 images can be used: .*0\.jpg: the image is 112 x 112"):
        pack_faces(folder, tmp_path / "pack", image_size=(112, 96), progress=False)
    assert not (tmp_path / "pack" / "train.rec").exists()
    assert (tmp_path / "pack" / "failures.csv").exists()


def test_bad_lists_and_roots_name_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("a.jpg 0\nb.jpg\n")
    with pytest.raises(DataError, match=r"bad\.txt line 2: 'b\.jpg' is not `path label`"):
        pack_faces(tmp_path / "bad.txt", tmp_path / "pack", progress=False)
    (tmp_path / "bad.lst").write_text("0\ta.jpg\n")
    with pytest.raises(DataError, match=r"line 1: .*number<TAB>label<TAB>path"):
        pack_faces(tmp_path / "bad.lst", tmp_path / "pack", progress=False)
    (tmp_path / "empty.txt").touch()
    with pytest.raises(DataError, match=r"empty\.txt lists no image"):
        pack_faces(tmp_path / "empty.txt", tmp_path / "pack", progress=False)
    with pytest.raises(DataNotFoundError, match="nowhere is missing"):
        pack_faces(tmp_path / "nowhere", tmp_path / "pack", progress=False)
    (tmp_path / "void").mkdir()
    with pytest.raises(DataNotFoundError, match=r"void: expected train\.rec, \*\.tar or one sub-folder"):
        pack_faces(tmp_path / "void", tmp_path / "pack", progress=False)
