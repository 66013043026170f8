"""The detectors: what the networks give becomes faces in the photo's pixels; real weights find real faces."""

import os
import pickle
import sys
import types
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sets import photo

from marginface.backbone import MobileFaceNet, load_weights
from marginface.data import DataError, DataNotFoundError, FaceRecords, decode
from marginface.data.alignment import TEMPLATE_112, similarity
from marginface.prepare import MTCNN, YuNet, align_photos, detect_landmarks, read_landmarks


def yunet(folder: Path, monkeypatch: pytest.MonkeyPatch, net: object) -> YuNet:
    """The detector around a network of ours."""
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: net)
    (folder / "yunet.onnx").touch()
    return YuNet(folder / "yunet.onnx")


def test_the_columns_of_yunet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """x, y, width, height; the person's right eye (left in the photo) first; the score last: OpenCV's order."""
    row = np.array([[10, 20, 30, 40, *TEMPLATE_112.ravel(), 0.95]], np.float32)
    seen = []

    class Net:
        def setInputSize(self, size: tuple[int, int]) -> None:
            seen.append(size)

        def detect(self, image: np.ndarray) -> tuple[int, np.ndarray | None]:
            seen.append(tuple(image[0, 0]))
            return 1, row if len(seen) == 2 else None

    net = yunet(tmp_path, monkeypatch, Net())
    found = net(np.full((50, 60, 3), (1, 2, 3), np.uint8))
    assert seen == [(60, 50), (3, 2, 1)]  # width and height, BGR
    np.testing.assert_allclose(found.points[0], TEMPLATE_112, rtol=1e-6)
    assert found.boxes.tolist() == [[10, 20, 40, 60]]
    assert len(net(np.zeros((50, 60, 3), np.uint8)).scores) == 0


def test_mtcnn_runs_with_the_settings_of_sphereface(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}

    class Network:
        def __init__(self, **settings: object) -> None:
            given.update(settings)

        def detect(self, image: np.ndarray, landmarks: bool) -> tuple:
            assert landmarks
            return [[1, 2, 3, 4]], [0.99], [TEMPLATE_112]

    module = types.ModuleType("facenet_pytorch")
    module.MTCNN = Network
    monkeypatch.setitem(sys.modules, "facenet_pytorch", module)
    found = MTCNN()(photo(0))
    assert (given["min_face_size"], given["thresholds"], given["factor"]) == (20, [0.6, 0.7, 0.9], 0.85)
    assert given["keep_all"]  # or it chooses by itself
    assert (found.boxes.shape, found.points.shape, found.scores.tolist()) == ((1, 4), (1, 5, 2), [0.99])
    monkeypatch.setattr(Network, "detect", lambda *_, **__: (None, [None], None))
    assert len(MTCNN()(photo(0)).scores) == 0
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    with pytest.raises(ImportError, match="pip install --no-deps facenet-pytorch"):
        MTCNN()


def test_mtcnn_is_not_shown_photos_that_it_fails_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    network = types.SimpleNamespace(detect=lambda image, landmarks: seen.append(image.shape) or (None, [None], None))
    monkeypatch.setitem(sys.modules, "facenet_pytorch", types.SimpleNamespace(MTCNN=lambda **_: network))
    detector = MTCNN(min_face_size=40)
    for side in (1, 39, 40):
        detector(photo(0, side, 200))
    assert seen == [(40, 200, 3)]


def test_yunet_finds_large_faces_in_the_halved_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is blind for a face in the full size, and finds it in both others."""

    class Net:
        size = (0, 0)

        def setInputSize(self, size: tuple[int, int]) -> None:
            self.size = size
            sizes.append(size)

        def detect(self, image: np.ndarray) -> tuple[int, np.ndarray | None]:
            assert image.shape[1::-1] == self.size
            if self.size == (1000, 750):
                return 1, None
            scale = self.size[0] / 1000
            box = np.array([100, 200, 400, 300]) * scale
            points = (TEMPLATE_112 * 3 + 100 + 0.5) * scale - 0.5
            return 1, np.array([[*box, *points.ravel(), 0.95 if scale == 0.5 else 0.99]], np.float32)

    sizes: list[tuple[int, int]] = []
    found = yunet(tmp_path, monkeypatch, Net())(np.zeros((750, 1000, 3), np.uint8))
    assert sizes == [(1000, 750), (500, 375), (250, 188)]
    assert found.scores.round(3).tolist() == [0.99]
    np.testing.assert_allclose(found.points[0], TEMPLATE_112 * 3 + 100, atol=1e-3)
    np.testing.assert_allclose(found.boxes[0], [101.5, 201.5, 501.5, 501.5], atol=1e-3)


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"detector\.model=.*yunet\.onnx is missing: fetch face_detection"):
        YuNet(tmp_path / "yunet.onnx")
    (tmp_path / "yunet.onnx").write_text("<!DOCTYPE html>")  # what a browser saves of a page about the file
    with pytest.raises(DataError, match=r"OpenCV .* cannot read detector\.model=.*: fetch face_detection"):
        YuNet(tmp_path / "yunet.onnx")


def scene(face: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A photo that has an aligned face somewhere, two to three times as large and a little turned; its points."""
    angle, scale = np.deg2rad(rng.uniform(-15, 15)), rng.uniform(2, 3)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = 320 - turn @ [55.5, 55.5] + rng.uniform(-20, 20, 2)
    ground = cv2.resize(rng.integers(60, 190, (6, 6, 3)).astype(np.uint8), (640, 640))
    matrix = np.column_stack([turn, shift])
    cv2.warpAffine(face, matrix, (640, 640), ground, cv2.INTER_CUBIC, cv2.BORDER_TRANSPARENT)
    return ground, TEMPLATE_112 @ turn.T + shift


def real_detector(name: str) -> MTCNN | YuNet:
    if name == "MTCNN":
        pytest.importorskip("facenet_pytorch")
        return MTCNN(min_face_size=80)
    model = os.environ.get("MARGINFACE_YUNET")
    if not model:
        pytest.skip("set MARGINFACE_YUNET to the file face_detection_yunet_2026may.onnx")
    return YuNet(model)


@pytest.mark.parametrize(("name", "pixels", "cosine"), [("MTCNN", 4.0, 0.95), ("YuNet", 5.0, 0.9)])
def test_real_faces_come_back(shared_data: Path, tmp_path: Path, name: str, pixels: float, cosine: float) -> None:
    """Photos -> landmarks -> crops: the points are found, and the crops are the same people as before."""
    detector, records, rng = real_detector(name), FaceRecords(shared_data / "lfw112"), np.random.default_rng(0)
    indices = rng.choice(len(records), 10, replace=False)
    before, truth = [], []
    for number, index in enumerate(indices):
        before.append(decode(records.read(int(index)), "the pack"))
        image, points = scene(before[-1], rng)
        (tmp_path / f"{number}.png").write_bytes(cv2.imencode(".png", image[:, :, ::-1])[1].tobytes())
        truth.append(points)
    assert detect_landmarks(tmp_path, tmp_path / "l.csv", detector, progress=False).num_images == 10
    rows = read_landmarks(tmp_path / "l.csv")
    fits = [similarity(points) for points in truth]  # to the pixels of the crop
    off = [(row.points - points) @ fit[:, :2].T for row, points, fit in zip(rows, truth, fits, strict=True)]
    assert np.linalg.norm(off, axis=2).mean() < pixels
    align_photos(tmp_path, tmp_path / "crops", tmp_path / "l.csv", progress=False)
    after = [decode((tmp_path / "crops" / f"{number}.jpg").read_bytes(), "the crop") for number in range(10)]
    network = MobileFaceNet(embedding_dim=128, image_size=(112, 96)).eval()
    load_weights(network, shared_data / "mobilefacenet_068.ckpt")
    images = torch.from_numpy(np.stack(before + after)[:, :, 8:104].transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        embeddings = torch.nn.functional.normalize(network((images.float() - 127.5) / 128))
    cosines = (embeddings[:10] * embeddings[10:]).sum(1)
    assert cosines.mean() > cosine
    assert (embeddings[:10] @ embeddings[10:].T).argmax(1).tolist() == list(range(10))


@pytest.mark.parametrize("name", ["MTCNN", "YuNet"])
def test_a_real_detector_travels_to_workers(name: str) -> None:
    detector = real_detector(name)
    again = pickle.loads(pickle.dumps(detector))
    assert repr(again) == repr(detector)
    assert len(again(np.zeros((90, 90, 3), np.uint8)).scores) == 0
    assert len(again(np.zeros((3, 3, 3), np.uint8)).scores) == 0
