"""Photos to crops: faces land on the template, runs go on, failures are told."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from sets import photo

from marginface.data import DataError, decode, encode
from marginface.prepare import CONVENTIONS, TEMPLATES, align_photos, pack_faces, read_card

LONG = "x" * 300 + ".jpg"  # no file can be called so


def placed(points: np.ndarray) -> np.ndarray:
    """Twice as large, turned by a quarter: (x, y) to (300 - 2 y, 2 x + 20)."""
    return np.stack([300 - 2 * points[:, 1], 2 * points[:, 0] + 20], 1)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four photos with five coloured marks each, and their list."""
    root = tmp_path / "photos"
    marks = placed(TEMPLATES[112, 112])
    lines = []
    for person in ("anna", "bert"):
        (root / person).mkdir(parents=True)
        for number in range(2):
            image = np.full((320, 340, 3), 90, np.uint8)
            for x, y in marks.round().astype(int):
                image[y - 8 : y + 9, x - 8 : x + 9] = (200, 40, 10)
            (root / person / f"{number}.png.jpg").write_bytes(encode(image))
            lines.append("\t".join([f"{person}/{number}.png.jpg", person, *map(str, marks.ravel().tolist())]))
    (tmp_path / "list.txt").write_text("\n".join(lines))
    return root


def crops(out: Path) -> dict[str, int]:
    return {path.relative_to(out).as_posix(): path.stat().st_mtime_ns for path in sorted(out.rglob("*.jpg"))}


@pytest.mark.parametrize("size", TEMPLATES)
@pytest.mark.parametrize("convention", ["umeyama", "cp2tform"])
def test_the_marks_land_on_the_template(photos: Path, tmp_path: Path, size: tuple[int, int], convention: str) -> None:
    out = tmp_path / "out"
    card = align_photos(photos, out, tmp_path / "list.txt", None, size, convention, progress=False)
    crop = decode((out / "anna" / "0.png.jpg").read_bytes(), "the crop")
    assert crop.shape == (*size, 3)
    for x, y in TEMPLATES[size].round().astype(int):
        assert np.abs(crop[y, x].astype(int) - (200, 40, 10)).max() < 12
    reds = np.argwhere(crop[:, :, 0] > 160)
    np.testing.assert_allclose(reds.mean(0)[::-1], TEMPLATES[size].mean(0), atol=0.7)
    assert (card.image_size, card.convention, card.num_images, card.num_identities) == (size, convention, 4, 2)
    np.testing.assert_array_equal(card.template, TEMPLATES[size])
    assert read_card(out / "card.json") == card


def test_workers_make_the_same_crops(photos: Path, tmp_path: Path) -> None:
    align_photos(photos, tmp_path / "one", tmp_path / "list.txt", progress=False)
    align_photos(photos, tmp_path / "two", tmp_path / "list.txt", num_workers=2, progress=False)
    for name in crops(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (tmp_path / "one" / "card.json").read_bytes() == (tmp_path / "two" / "card.json").read_bytes()


def test_a_second_run_makes_only_what_is_missing(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = align_photos(photos, out, tmp_path / "list.txt", progress=False)
    for path in out.rglob("*.jpg"):
        os.utime(path, ns=(1, 1))
    (out / "bert" / "1.png.jpg").unlink()
    assert align_photos(photos, out, tmp_path / "list.txt", progress=False) == first
    times = crops(out)
    assert times.pop("bert/1.png.jpg") != 1
    assert set(times.values()) == {1}


def test_crops_of_another_kind_are_not_mixed(photos: Path, tmp_path: Path) -> None:
    align_photos(photos, tmp_path / "out", tmp_path / "list.txt", progress=False)
    with pytest.raises(DataError, match="was begun with convention=umeyama, now it is cp2tform"):
        align_photos(photos, tmp_path / "out", tmp_path / "list.txt", convention="cp2tform", progress=False)
    with pytest.raises(DataError, match=r"photos holds no card\.json \(.*anna, bert"):
        align_photos(photos, photos, tmp_path / "list.txt", progress=False)
    (tmp_path / "out" / "stray.jpg").touch()
    with pytest.raises(DataError, match="holds 1 images besides the crops"):
        align_photos(photos, tmp_path / "out", tmp_path / "list.txt", progress=False)


def test_each_failure_has_its_reason(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"no image")
    (photos / "crop.jpg").write_bytes(encode(photo(1)))
    (photos / "large.jpg").write_bytes(encode(photo(1, 200, 200)))
    ten = "\t".join(["1", "2", "3", "4", *["5"] * 10])
    good = "\t".join(["1", "2", "3", "4", *map(str, placed(TEMPLATES[112, 112]).T.ravel().tolist())])
    rows = [
        f"0\tanna/0.png.jpg\t0\t{good}",
        f"0\tanna/0.png.jpg\t0\t{good}",
        f"0\tanna/1.png.jpg\t0\t{ten}",
        "0\tbert/0.png.jpg\t1",
        f"0\tbroken.jpg\t1\t{good}",
        f"0\tnone.jpg\t1\t{good}",
        f"0\t../x.jpg\t1\t{good}",
        f"0\t{LONG}\t1\t{good}",
        "1\tcrop.jpg\t1",
        "1\tlarge.jpg\t1",
    ]
    (tmp_path / "list.lst").write_text("\n".join(rows))
    card = align_photos(photos, tmp_path / "out", tmp_path / "list.lst", progress=False)
    with (tmp_path / "out" / "failures.csv").open(newline="") as file:
        told = {(row["name"], row["kind"]) for row in csv.DictReader(file)}
    assert told == {
        ("anna/0.png.jpg", "listed twice"),
        ("anna/1.png.jpg", "unusable landmarks"),
        ("bert/0.png.jpg", "unusable landmarks"),
        ("broken.jpg", "no intact image"),
        ("none.jpg", "missing file"),
        (LONG, "missing file"),
        ("../x.jpg", "path outside root"),
        ("large.jpg", "other size"),
    }
    assert (card.num_images, sum(card.dropped.values()), card.num_encoded) == (2, 8, 1)
    assert (tmp_path / "out" / "crop.jpg").read_bytes() == (photos / "crop.jpg").read_bytes()
    assert (tmp_path / "out" / "faces.txt").read_text() == "anna/0.png.jpg\t0\ncrop.jpg\t1\n"


def test_the_crops_are_packed_with_what_their_card_says(photos: Path, tmp_path: Path) -> None:
    align_photos(photos, tmp_path / "crops", tmp_path / "list.txt", None, (112, 96), "cp2tform", 90, progress=False)
    for number, root in enumerate((tmp_path / "crops", tmp_path / "crops" / "faces.txt")):
        card = pack_faces(root, tmp_path / str(number), progress=False)
        assert (card.num_images, card.image_size, card.convention, card.quality) == (4, (112, 96), "cp2tform", 90)
        np.testing.assert_array_equal(card.template, TEMPLATES[112, 96])
    assert (tmp_path / "0" / "train.rec").read_bytes() == (tmp_path / "1" / "train.rec").read_bytes()


def test_nothing_usable_is_an_error_and_not_finished(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps({"anna/0.png.jpg": None}))
    with pytest.raises(DataError, match=r"no photo .* can be used, the first: the list has no landmarks"):
        align_photos(photos, tmp_path / "out", tmp_path / "list.json", progress=False)
    assert not read_card(tmp_path / "out" / "card.json").finished


def test_unknown_words_are_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"image_size=\[128, 128\]: templates are known for \(112, 112\), \(112, 96\)"):
        align_photos(photos, tmp_path / "out", tmp_path / "list.txt", image_size=(128, 128))
    with pytest.raises(ValueError, match="convention='skimage' is unknown: pass one of umeyama, cp2tform"):
        align_photos(photos, tmp_path / "out", tmp_path / "list.txt", convention="skimage")


def listed(folder: Path, rows: dict[str, np.ndarray]) -> Path:
    """A CSV of photos with their points."""
    header = "path,crop," + ",".join(f"{axis}{n}" for n in range(1, 6) for axis in "xy")
    lines = [f"{name},,{','.join(map(str, points.ravel()))}" for name, points in rows.items()]
    (folder / "list.csv").write_text("\n".join([header, *lines]))
    return folder / "list.csv"


MARKS = placed(TEMPLATES[112, 112])


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (np.zeros((5, 2)), "lie all in one point"),
        (MARKS + 300, "5 of the 5 points lie outside the photo of 340 x 320 pixels: they must refer to the upright"),
        (MARKS * 1e300, "5 of the 5 points lie outside"),
        (MARKS[[1, 0, 2, 4, 3]], "left and right are confused: the order is left eye"),
        (MARKS[:, ::-1], "left and right are confused"),
    ],
)
def test_unusable_points_are_told(photos: Path, tmp_path: Path, points: np.ndarray, reason: str) -> None:
    marks = listed(tmp_path, {"anna/0.png.jpg": MARKS, "anna/1.png.jpg": points})
    assert align_photos(photos, tmp_path / "out", marks, progress=False).dropped == {"unusable landmarks": 1}
    assert reason in (tmp_path / "out" / "failures.csv").read_text()
    assert not (tmp_path / "out" / "anna" / "1.png.jpg").exists()


def test_faces_at_the_edge_are_used(photos: Path, tmp_path: Path) -> None:
    marks = listed(tmp_path, {"anna/0.png.jpg": MARKS, "anna/1.png.jpg": MARKS + 140})
    assert align_photos(photos, tmp_path / "out", marks, progress=False).num_images == 2


def test_faces_of_one_photo_get_names_of_their_own(photos: Path, tmp_path: Path) -> None:
    rows = [("anna/0.png.jpg", "", MARKS), ("anna/0.png.jpg", "others/left", MARKS + 4), ("anna/0.png.jpg", "", MARKS)]
    rows += [("anna/0.png.jpg", "../x", MARKS), ("anna/1.png.jpg", "others/none", MARKS * 0)]
    listed(tmp_path, {})
    with (tmp_path / "list.csv").open("a") as file:
        file.writelines(f"\n{name},{crop},{','.join(map(str, p.ravel()))}" for name, crop, p in rows)
    card = align_photos(photos, tmp_path / "out", tmp_path / "list.csv", progress=False)
    assert list(crops(tmp_path / "out")) == ["anna/0.png.jpg", "others/left.jpg"]
    assert card.dropped == {"listed twice": 1, "path outside root": 1, "unusable landmarks": 1}
    told = (tmp_path / "out" / "failures.csv").read_text()
    assert "makes 0.png.jpg: name this crop by the column `crop` of a CSV" in told
    assert "anna/1.png.jpg (others/none),unusable" in told
    assert card.num_identities == 1  # both are of the photo's folder


def test_photos_are_turned_before_their_points_are_looked_up(photos: Path, tmp_path: Path) -> None:
    """EXIF orientation 6: the camera lay on its side, the upright photo is the stored one turned to the right."""
    stored = np.rot90(decode((photos / "anna" / "0.png.jpg").read_bytes(), "the photo"))
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    jpeg = encode(np.ascontiguousarray(stored), 100)
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (photos / "anna" / "1.png.jpg").write_bytes(jpeg[:2] + segment + jpeg[2:])
    marks = listed(tmp_path, {"anna/0.png.jpg": MARKS, "anna/1.png.jpg": MARKS})
    align_photos(photos, tmp_path / "out", marks, progress=False)
    plain, turned = (decode((tmp_path / "out" / "anna" / f"{n}.png.jpg").read_bytes(), "a crop") for n in range(2))
    assert np.abs(plain.astype(int) - turned).mean() < 2


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("grey8.png", lambda image: image[:, :, 0]),
        ("grey16.png", lambda image: image[:, :, 0].astype(np.uint16) * 257),
        ("colour16.png", lambda image: np.repeat(image[:, :, :1], 3, 2).astype(np.uint16) * 257),
        ("alpha.png", lambda image: np.dstack([np.repeat(image[:, :, :1], 3, 2), image[:, :, 1]])),
    ],
)
def test_grey_and_deep_photos_become_rgb_of_8_bits(photos: Path, tmp_path: Path, name: str, change) -> None:
    image = decode((photos / "anna" / "0.png.jpg").read_bytes(), "the photo")
    cv2.imwrite(str(photos / name), change(image))
    align_photos(photos, tmp_path / "out", listed(tmp_path, {name: MARKS}), progress=False)
    crop = decode((tmp_path / "out" / name.replace("png", "jpg")).read_bytes(), "the crop")
    expected = warped(image)[:, :, :1]
    assert crop.shape == (112, 112, 3)
    assert np.abs(crop.astype(int) - expected).mean() < 2


def warped(image: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(image, CONVENTIONS["umeyama"](MARKS, TEMPLATES[112, 112]), (112, 112))


def test_photos_too_large_to_warp_are_told(photos: Path, tmp_path: Path) -> None:
    strip = np.zeros((8, 32_767), np.uint8)
    cv2.imwrite(str(photos / "strip.png"), strip)
    cv2.imwrite(str(photos / "shorter.png"), strip[:, 1:])
    marks = listed(tmp_path, {"strip.png": MARKS / 50, "shorter.png": MARKS / 50})
    card = align_photos(photos, tmp_path / "out", marks, progress=False)
    assert card.dropped == {"photo too large": 1}
    assert "the photo is 32767 x 8, more than 32766 pixels a side" in (tmp_path / "out" / "failures.csv").read_text()


def test_sub_folders_are_the_labels_of_a_list_without(photos: Path, tmp_path: Path) -> None:
    names = [f"{person}/{number}.png.jpg" for person in ("anna", "bert") for number in range(2)]
    card = align_photos(photos, tmp_path / "out", listed(tmp_path, dict.fromkeys(names, MARKS)), progress=False)
    assert card.num_identities == 2
    assert (tmp_path / "out" / "faces.txt").read_text() == "".join(f"{name}\t{name[:4]}\n" for name in names)
    (photos / "top.jpg").write_bytes((photos / names[0]).read_bytes())
    marks = listed(tmp_path, dict.fromkeys([*names, "top.jpg"], MARKS))
    card = align_photos(photos, tmp_path / "more", marks, progress=False)  # one has none: nobody has
    assert (card.num_identities, card.faces_sha256) == (None, None)
    assert not (tmp_path / "more" / "faces.txt").exists()


def test_the_sum_of_the_faces_is_that_of_their_pack(photos: Path, tmp_path: Path) -> None:
    card = align_photos(photos, tmp_path / "out", tmp_path / "list.txt", progress=False)
    assert pack_faces(tmp_path / "out", tmp_path / "pack", progress=False).faces_sha256 == card.faces_sha256
    lines = (tmp_path / "list.txt").read_text().splitlines()
    (tmp_path / "list.txt").write_text("\n".join(reversed(lines)))
    assert align_photos(photos, tmp_path / "again", tmp_path / "list.txt", progress=False) == replace(
        card, made_from=read_card(tmp_path / "again" / "card.json").made_from
    )


def test_labels_of_several_words_are_numbered(photos: Path, tmp_path: Path) -> None:
    (photos / "bert").rename(photos / "Bert B")
    names = [f"{person}/{number}.png.jpg" for person in ("Bert B", "anna") for number in range(2)]
    card = align_photos(photos, tmp_path / "out", listed(tmp_path, dict.fromkeys(names, MARKS)), progress=False)
    assert (tmp_path / "out" / "faces.txt").read_text().splitlines()[::3] == [
        "Bert B/0.png.jpg\t0",
        "anna/1.png.jpg\t1",
    ]
    assert (tmp_path / "out" / "identities.csv").read_text() == "label,name\n0,Bert B\n1,anna\n"
    packed = pack_faces(tmp_path / "out" / "faces.txt", tmp_path / "pack", progress=False)
    assert (packed.num_identities, packed.faces_sha256) == (2, card.faces_sha256)
