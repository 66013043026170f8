"""Photos to landmarks: the right face is chosen, and runs go on where they were."""

import sys
import types
from pathlib import Path

import cv2
import numpy as np
import pytest
from sets import photo

from marginface.data import DataError, DataNotFoundError, FaceRecords, decode, encode
from marginface.data.alignment import TEMPLATE_112
from marginface.prepare import MTCNN, Faces, YuNet, align_photos, detect_landmarks, read_card, read_landmarks


def faces(*boxes: tuple[float, float, float, float]) -> Faces:
    """Faces whose points are told by the left edge of their boxes."""
    points = np.stack([TEMPLATE_112 + box[0] for box in boxes]) if boxes else np.empty((0, 5, 2))
    return Faces(np.array(boxes, np.float64).reshape(-1, 4), points, np.full(len(boxes), 0.9))


class Told:
    """Finds what it is told; refuses to look at more photos than `limit`."""

    def __init__(self, found: Faces, limit: int = 100) -> None:
        self.found, self.limit, self.num_seen = found, limit, 0

    def __call__(self, image: np.ndarray) -> Faces:
        self.num_seen += 1
        if self.num_seen > self.limit:
            raise KeyboardInterrupt
        return self.found


CORNER, CENTRE = (0, 0, 60, 60), (50, 50, 70, 70)


@pytest.mark.parametrize(("choose", "left"), [("centre", 50), ("largest", 0)])
def test_one_of_several_faces_is_chosen(folder: Path, tmp_path: Path, choose: str, left: int) -> None:
    card = detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CORNER, CENTRE)), choose, progress=False)
    rows = read_landmarks(tmp_path / "l.csv")
    names = ["anna/0.jpg", "bert/0.jpg", "bert/1.jpg", "cleo/0.jpg", "cleo/1.jpg", "cleo/2.jpg"]
    assert [row.path for row in rows] == names
    assert [row.label for row in rows] == ["anna", "bert", "bert", "cleo", "cleo", "cleo"]
    np.testing.assert_allclose(rows[0].points, TEMPLATE_112 + left, atol=1e-3)
    assert (tmp_path / "l.csv").read_text().splitlines()[1].endswith(",0.9000,2")
    assert card == read_card(tmp_path / "l.card.json")
    assert align_photos(folder, tmp_path / "crops", tmp_path / "l.csv", progress=False).num_identities == 3


def test_an_interrupted_run_goes_on(folder: Path, tmp_path: Path) -> None:
    detect_landmarks(folder, tmp_path / "whole.csv", Told(faces(CENTRE)), progress=False)
    with pytest.raises(KeyboardInterrupt):
        detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CENTRE), limit=4), progress=False)
    assert not (tmp_path / "l.csv").exists()
    with (tmp_path / ".l.csv.part").open("a") as file:
        file.write("cleo/1.jpg,cl")  # killed in the middle of a line
    again = Told(faces(CENTRE))
    detect_landmarks(folder, tmp_path / "l.csv", again, progress=False)
    assert again.num_seen == 2
    assert (tmp_path / "l.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_photos_without_face_are_told(folder: Path, tmp_path: Path) -> None:
    (folder / "anna" / "0.jpg").write_bytes(b"no image")
    (folder / "bert" / "0.jpg").write_bytes(encode(photo(1, 50, 50)))
    found = faces(CENTRE)

    def detector(image: np.ndarray) -> Faces:
        return faces() if len(image) == 50 else found

    card = detect_landmarks(folder, tmp_path / "l.csv", detector, progress=False)
    assert (card.num_images, card.dropped) == (4, {"no face": 1, "no intact image": 1})
    assert "bert/0.jpg,no face,the detector finds none" in (tmp_path / "failures.csv").read_text()
    with pytest.raises(DataError, match=r"none of the 6 photos below root=.* has a face"):
        detect_landmarks(folder, tmp_path / "m.csv", Told(faces()), progress=False)


def test_bad_arguments_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="choose='all' is unknown: pass one of centre, largest"):
        detect_landmarks(folder, tmp_path / "l.csv", Told(faces()), "all")
    with pytest.raises(ValueError, match=r"l\.txt: pass the name of the list to write, with the ending \.csv"):
        detect_landmarks(folder, tmp_path / "l.txt", Told(faces()))
    with pytest.raises(DataNotFoundError, match=r"root=.* holds no image"):
        detect_landmarks(tmp_path / "none", tmp_path / "l.csv", Told(faces()))
    with pytest.raises(DataNotFoundError, match=r"detector\.model=.*yunet\.onnx is missing"):
        YuNet(tmp_path / "yunet.onnx")


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

    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: Net())
    (tmp_path / "yunet.onnx").touch()
    net = YuNet(tmp_path / "yunet.onnx")
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


def test_mtcnn_finds_real_faces_where_they_are(shared_data: Path) -> None:
    pytest.importorskip("facenet_pytorch")
    face = decode(FaceRecords(shared_data / "lfw112").read(37), "the pack")
    scene = np.full((360, 420, 3), 128, np.uint8)
    scene[70:294, 90:314] = cv2.resize(face, (224, 224))
    found = MTCNN()(scene)
    np.testing.assert_allclose(found.points[0], TEMPLATE_112 * 2 + [90, 70], atol=8)
