"""Five-point alignment: from a face anywhere in an image to the position that networks are trained on.

Shapes: N faces, H x W pixels.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataError
from marginface.data.image_set import ImageFiles

SIZE = 112
# left eye, right eye, nose tip, left and right corner of the mouth, as seen in the image, (x, y) in pixels
TEMPLATE_112 = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def similarity(landmarks: NDArray[np.floating], template: NDArray[np.floating] = TEMPLATE_112) -> NDArray[np.float64]:
    """Rotation, scale and shift that bring landmarks closest to a template, by least squares in the template.

    Args:
        landmarks: (..., 5, 2), x and y in pixels.
        template: (5, 2), where they should come to lie.

    Returns:
        Matrices (..., 2, 3) float64 that map (x, y, 1) of the image to (x, y) of the aligned one.

    Raises:
        ValueError: Landmarks that are not finite, or that lie all in one point.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991.
    In the plane his rotation and scale are one complex number a, so that a z + b is a linear regression.
    """
    point, goal = (np.asarray(p, np.float64) @ [1, 1j] for p in (landmarks, template))
    point_mean, goal_mean = point.mean(-1, keepdims=True), goal.mean()
    centred = point - point_mean
    spread = (np.abs(centred) ** 2).sum(-1)
    if not (spread > 0).all():  # false for NaN too
        raise ValueError("landmarks are not finite or lie all in one point: leave the image out")
    turn = (centred.conj() * (goal - goal_mean)).sum(-1) / spread
    shift = goal_mean - turn * point_mean[..., 0]
    rows = [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def align(image: NDArray[np.uint8], landmarks: NDArray[np.floating], size: int = SIZE) -> NDArray[np.uint8]:
    """Aligned face: bilinear interpolation, black where the image ends.

    Args:
        image: (H, W, 3) uint8.
        landmarks: (5, 2), x and y in pixels.
        size: Side of the square result in pixels; the template grows with it.

    Returns:
        (size, size, 3) uint8.

    Raises:
        ValueError: Landmarks that are not finite, or that lie all in one point.
    """
    matrix = similarity(landmarks, TEMPLATE_112 * (size / SIZE))
    return np.asarray(cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=0), np.uint8)


class AlignedFiles(ImageFiles):
    """Images in files of a folder, aligned by their landmarks as they are loaded.

    Args:
        root: The folder.
        names: Paths below it, one an image.
        landmarks: (N, 5, 2), x and y in pixels.
        name: What they are, for messages.

    Raises:
        DataNotFoundError: A file is missing; says how many are, and names the first.
        DataError: Landmarks that are not finite or lie all in one point; names the image.
        ValueError: Another number of landmarks than of names.
    """

    def __init__(
        self, root: Path | str, names: Sequence[str], landmarks: NDArray[np.floating], name: str = "the images"
    ) -> None:
        super().__init__(root, names, name)
        self.landmarks = np.asarray(landmarks, np.float32)
        if self.landmarks.shape != (len(self.names), 5, 2):
            raise ValueError(f"landmarks is {self.landmarks.shape}: pass (N, 5, 2) for the N={len(self.names)} names")
        flat = ~(self.landmarks.std(1).sum(1) > 0)  # NaN too
        if flat.any():
            raise DataError(
                f"{int(flat.sum())} of the {len(self.names)} images of {name} have landmarks that are not finite or "
                f"lie all in one point, the first is {self.names[int(flat.argmax())]}: mend the list of landmarks"
            )

    def load(self, index: int) -> NDArray[np.uint8]:
        """Aligned face of image ``index``, (112, 112, 3) uint8 RGB.

        Raises:
            ImageDecodeError: It is no intact image.
        """
        return align(super().load(index), self.landmarks[index])

    def fingerprint(self) -> str:
        """From names, sizes and dates of change of the files, and from the landmarks."""
        digest = hashlib.sha256(super().fingerprint().encode())
        digest.update(self.landmarks.tobytes())
        return digest.hexdigest()
