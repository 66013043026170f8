"""Face detectors that give five points, behind one call.

Shapes: F faces of a photo, H x W pixels.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataError, DataNotFoundError

_REMEDY = (
    "fetch face_detection_yunet_2026may.onnx (OpenCV 5) or face_detection_yunet_2023mar.onnx (OpenCV 4.8 and later) "
    "of OpenCV's opencv_zoo."
)
_LARGEST_SIDE = 400  # of a photo that a face may fill: YuNet was trained on faces of about 10 to 300 pixels
_SMALLEST_SIDE = 20  # of a photo that it may find a face in
_SAME_FACE = 0.3  # overlap of two boxes (their common part of their union) that are one face


class Faces(NamedTuple):
    """Faces found in a photo.

    Attributes:
        boxes: Left, top, right, bottom in pixels, (F, 4).
        points: Left eye, right eye, nose, left and right corner of the mouth as seen in the photo, (F, 5, 2), x and y
            in pixels.
        scores: The detector's confidence, (F,).
    """

    boxes: NDArray[np.float64]
    points: NDArray[np.float64]
    scores: NDArray[np.float64]

    def take(self, which: Any) -> "Faces":
        """Those of some indices, or those that a mask (F,) names."""
        return Faces(self.boxes[which], self.points[which], self.scores[which])


Detector = Callable[[NDArray[np.uint8]], Faces]
"""From an (H, W, 3) uint8 RGB photo to its faces."""
NO_FACES = Faces(np.empty((0, 4)), np.empty((0, 5, 2)), np.empty(0))


class YuNet:
    """OpenCV's YuNet (`face_detection_yunet_*.onnx` of opencv_zoo, which the user fetches).

    It is blind for faces of more than some 400 pixels, so that it sees large photos halved again and again too.

    Args:
        model: The ONNX file.
        min_score: Faces with less confidence are no faces.

    Raises:
        DataNotFoundError: No such file.
        DataError: It is no model that this OpenCV can read.

    Source: Wu et al., "YuNet: A tiny millisecond-level face detector", 2023; OpenCV `FaceDetectorYN`.
    """

    def __init__(self, model: Path | str, min_score: float = 0.9) -> None:
        if not Path(model).is_file():
            raise DataNotFoundError(f"detector.model={model} is missing: {_REMEDY}")
        self.model, self.min_score = str(model), min_score
        try:
            self._net: Any = cv2.FaceDetectorYN.create(self.model, "", (320, 320), min_score)
        except cv2.error as error:
            raise DataError(f"OpenCV {cv2.__version__} cannot read detector.model={model}: {_REMEDY}") from error

    def __reduce__(self) -> tuple[type, tuple[str, float]]:
        return type(self), (self.model, self.min_score)

    def __repr__(self) -> str:
        return f"YuNet(model={self.model!r}, min_score={self.min_score})"

    def __call__(self, photo: NDArray[np.uint8]) -> Faces:
        """Faces of an (H, W, 3) uint8 RGB photo, the surest first."""
        image, times = np.ascontiguousarray(photo[:, :, ::-1]), 1
        found = [self._faces_of(image)]
        while max(image.shape[:2]) > _LARGEST_SIDE and min(image.shape[:2]) > _SMALLEST_SIDE:
            image = np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
            times *= 2
            boxes, points, scores = self._faces_of(image)
            # Pixel centres have whole numbers: the photo's corner is at -0.5 in every size.
            found.append(Faces((boxes + 0.5) * times - 0.5, (points + 0.5) * times - 0.5, scores))
        return _each_once(Faces(*(np.concatenate(parts) for parts in zip(*found, strict=True))))

    def _faces_of(self, image: NDArray[np.uint8]) -> Faces:
        """Faces of an (H, W, 3) BGR image of this very size."""
        height, width = image.shape[:2]
        try:
            self._net.setInputSize((width, height))
            rows = self._net.detect(image)[1]
        except cv2.error as error:
            raise DataError(
                f"OpenCV {cv2.__version__} cannot run detector.model={self.model} on {width} x {height} pixels "
                f"({error.err}): {_REMEDY}"
            ) from error
        if rows is None:
            return NO_FACES
        rows = rows.astype(np.float64)
        boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], 1)
        # Its right eye is the person's: the left one in the photo.
        return Faces(boxes, rows[:, 4:14].reshape(-1, 5, 2), rows[:, 14])


class MTCNN:
    """facenet-pytorch's MTCNN, with SphereFace's settings as defaults.

    The package asks for an old torch; `pip install --no-deps facenet-pytorch` keeps the one that is there. Time goes
    with the number of pixels: in large photos of large faces a larger `min_face_size` saves nearly all of it.

    Args:
        min_face_size: Side of the smallest faces to find, in pixels.
        thresholds: Least confidence of the three networks.
        factor: From a scale of the image pyramid to the next.
        device: Where it runs, such as `cpu` or `cuda`.

    Raises:
        ImportError: facenet-pytorch is not installed.

    Source: Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional networks", 2016.
    """

    def __init__(
        self,
        min_face_size: int = 20,
        thresholds: Sequence[float] = (0.6, 0.7, 0.9),
        factor: float = 0.85,
        device: str = "cpu",
    ) -> None:
        try:
            from facenet_pytorch import MTCNN as Network
        except ImportError as error:
            raise ImportError("MTCNN needs facenet-pytorch: pip install --no-deps facenet-pytorch") from error
        self.min_face_size, self.thresholds, self.factor = min_face_size, list(thresholds), factor
        self.device = device
        self._net: Any = Network(
            min_face_size=min_face_size, thresholds=self.thresholds, factor=factor, keep_all=True, device=device
        )

    def __reduce__(self) -> tuple[type, tuple[int, list[float], float, str]]:
        return type(self), (self.min_face_size, self.thresholds, self.factor, self.device)

    def __repr__(self) -> str:
        # Not the device: the faces are the same on each.
        return f"MTCNN(min_face_size={self.min_face_size}, thresholds={self.thresholds}, factor={self.factor})"

    def __call__(self, photo: NDArray[np.uint8]) -> Faces:
        """Faces of an (H, W, 3) uint8 RGB photo."""
        if min(photo.shape[:2]) * (12.0 / self.min_face_size) < 12:  # it fails where its pyramid has no scale
            return NO_FACES
        boxes, scores, points = self._net.detect(photo, landmarks=True)
        if boxes is None:
            return NO_FACES
        return Faces(*(np.asarray(part, np.float64) for part in (boxes, points, scores)))


def _each_once(faces: Faces) -> Faces:
    """The surest of the faces that overlap, the surest first."""
    kept = list[int]()
    for index in np.argsort(-faces.scores, kind="stable"):
        if not (_overlap(faces.boxes[index], faces.boxes[kept]) > _SAME_FACE).any():
            kept.append(int(index))
    return faces.take(kept)


def _overlap(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Common part of the union of a box (4,) with others (F, 4), (F,)."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.maximum(sides, 0).prod(1)
    area, areas = (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(1)
    return np.asarray(common / np.maximum(area + areas - common, 1e-9))
