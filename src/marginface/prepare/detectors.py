"""Face detectors that give five points, behind one call.

Shapes: F faces of a photo, H x W pixels.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataNotFoundError


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


Detector = Callable[[NDArray[np.uint8]], Faces]
"""From an (H, W, 3) uint8 RGB photo to its faces."""
NO_FACES = Faces(np.empty((0, 4)), np.empty((0, 5, 2)), np.empty(0))


class YuNet:
    """OpenCV's YuNet (`face_detection_yunet_*.onnx` of opencv_zoo, which the user fetches).

    Args:
        model: The ONNX file.
        min_score: Faces with less confidence are no faces.

    Raises:
        DataNotFoundError: No such file.

    Source: Wu et al., "YuNet: A tiny millisecond-level face detector", 2023; OpenCV `FaceDetectorYN`.
    """

    def __init__(self, model: Path | str, min_score: float = 0.9) -> None:
        if not Path(model).is_file():
            raise DataNotFoundError(
                f"detector.model={model} is missing: fetch face_detection_yunet_2023mar.onnx of OpenCV's opencv_zoo."
            )
        self._net: Any = cv2.FaceDetectorYN.create(str(model), "", (320, 320), min_score)

    def __call__(self, photo: NDArray[np.uint8]) -> Faces:
        """Faces of an (H, W, 3) uint8 RGB photo."""
        height, width = photo.shape[:2]
        self._net.setInputSize((width, height))
        rows = self._net.detect(np.ascontiguousarray(photo[:, :, ::-1]))[1]
        if rows is None:
            return NO_FACES
        rows = rows.astype(np.float64)
        boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], 1)
        # Its right eye is the person's: the left one in the photo.
        return Faces(boxes, rows[:, 4:14].reshape(-1, 5, 2), rows[:, 14])


class MTCNN:
    """facenet-pytorch's MTCNN, with SphereFace's settings as defaults.

    The package asks for an old torch; `pip install --no-deps facenet-pytorch` keeps the one that is there.

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
        self._net: Any = Network(
            min_face_size=min_face_size, thresholds=list(thresholds), factor=factor, keep_all=True, device=device
        )

    def __call__(self, photo: NDArray[np.uint8]) -> Faces:
        """Faces of an (H, W, 3) uint8 RGB photo."""
        boxes, scores, points = self._net.detect(photo, landmarks=True)
        if boxes is None:
            return NO_FACES
        return Faces(*(np.asarray(part, np.float64) for part in (boxes, points, scores)))
