"""Photos to crops: faces land on the template, runs go on, failures are told."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from sets import photo

from marginface.data import DataError, decode, encode
from marginface.prepare import TEMPLATES, align_photos, pack_faces, read_card


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
        ("../x.jpg", "path outside root"),
        ("large.jpg", "other size"),
    }
    assert (card.num_images, sum(card.dropped.values()), card.num_encoded) == (2, 7, 1)
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
