import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from marginface.audit import scan, scan_images
from marginface.data import FaceRecords, encode, write_face_records


def test_bytes_and_pixels_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_BLOCK", 2)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (16, 16, 3)).astype(np.uint8)
    pictures = [np.full((16, 16, 3), 30, np.uint8), np.full((16, 16, 3), 200, np.uint8), noise]
    pictures.append(cv2.GaussianBlur(noise, (7, 7), 3))
    images = [*map(encode, pictures), b"damaged"]
    write_face_records(tmp_path, [(0, image) for image in images], image_size=(16, 16))
    found = scan_images(FaceRecords(tmp_path))
    assert [row.tobytes() for row in found.digest] == [hashlib.sha256(image).digest() for image in images]
    assert found.intact.tolist() == [True] * 4 + [False]
    assert found.brightness[:2] == pytest.approx([30, 200], abs=2)
    assert found.sharpness[:2] == pytest.approx(0, abs=1)
    assert found.sharpness[2] > 10 * found.sharpness[3] > 0


def test_workers_find_the_same(tiny_records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_BLOCK", 20)
    source = FaceRecords(tiny_records)
    for here, there in zip(scan_images(source), scan_images(source, num_workers=1), strict=True):
        np.testing.assert_array_equal(here, there)
