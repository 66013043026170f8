import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from marginface.audit import scan, scan_images
from marginface.audit.report import GREY
from marginface.data import FaceRecords, encode, write_face_records


def test_bytes_and_pixels_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_BLOCK", 2)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)
    pictures = [np.full((16, 16, 3), 30, np.uint8), np.full((16, 16, 3), 200, np.uint8), noise]
    pictures.append(cv2.GaussianBlur(noise, (7, 7), 3))
    small = cv2.resize(cv2.resize(noise, (8, 8), interpolation=cv2.INTER_AREA), (16, 16), interpolation=cv2.INTER_CUBIC)
    pictures.append(small)
    images = [*map(encode, pictures), b"damaged"]
    write_face_records(tmp_path, [(0, image) for image in images], image_size=(16, 16))
    found = scan_images(FaceRecords(tmp_path))
    assert [row.tobytes() for row in found.digest] == [hashlib.sha256(image).digest() for image in images]
    assert found.intact.tolist() == [True] * 5 + [False]
    assert found.brightness[:2] == pytest.approx([30, 200], abs=2)
    assert found.sharpness[:2] == pytest.approx(0, abs=1)
    assert found.sharpness[2] > 10 * found.sharpness[3] > 0
    assert found.num_bytes.tolist() == [len(image) for image in images]
    assert found.detail[0] == 0  # nothing to lose
    assert found.detail[2] > 2 * found.detail[4] > 0
    assert found.colour[:2] == pytest.approx(0, abs=1)
    assert found.colour[2] > 20
    for measured in (found.brightness, found.sharpness, found.detail, found.colour):
        assert np.isnan(measured[5:]).all()


def test_workers_find_the_same(tiny_records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_BLOCK", 20)
    source = FaceRecords(tiny_records)
    for here, there in zip(scan_images(source), scan_images(source, num_workers=1), strict=True):
        np.testing.assert_array_equal(here, there)


def test_processes_share_the_images(tiny_records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reads its own share; what they gather is the whole, in order. Of three, one has an empty share."""
    monkeypatch.setattr(scan, "gathered", lambda part: part)
    source = FaceRecords(tiny_records)
    shares, read = [(0, 50), (50, 50), (50, 96)], []
    for start, stop in shares:
        monkeypatch.setattr(scan, "share", lambda _, span=(start, stop): span)
        read.append(scan_images(source))
    assert [len(part.digest) for part in read] == [50, 0, 46]
    monkeypatch.undo()
    whole = scan_images(source)
    for field, parts in zip(whole, zip(*read, strict=True), strict=True):
        np.testing.assert_array_equal(np.concatenate(parts), field)


def test_real_faces_are_intact_and_differ(shared_data: Path) -> None:
    found = scan_images(FaceRecords(shared_data / "lfw112"))
    assert found.intact.all()
    assert len(np.unique(found.digest, axis=0)) == len(found.digest) == 4982
    assert (found.colour < GREY).sum() == 4
    assert 100 < np.median(found.brightness) < 130
    assert (found.detail > 0).all()
