"""Which of the faces that a detector finds in a photo are meant.

Shapes: F faces of an H x W photo.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marginface.prepare.detectors import Faces


def _nearest_to_centre(faces: Faces, height: int, width: int) -> NDArray[np.int64]:
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    return np.asarray(np.square(centres - [width / 2, height / 2]).sum(1).argmin(keepdims=True))


def _largest(faces: Faces, height: int, width: int) -> NDArray[np.int64]:
    return np.asarray((faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1).argmax(keepdims=True))


def _all(faces: Faces, height: int, width: int) -> NDArray[np.int64]:
    return np.argsort(faces.boxes[:, 0], kind="stable")


CHOICES: dict[str, Callable[[Faces, int, int], NDArray[np.int64]]] = {
    "centre": _nearest_to_centre,
    "largest": _largest,
    "all": _all,
}
"""Indices of the faces that are meant: `centre` is SphereFace's choice, `all` goes from left to right."""


@dataclass(frozen=True)
class Choice:
    """What makes a face one that is meant.

    Attributes:
        choose: A name of `CHOICES`.
        min_face_size: Shorter side of a face's box in pixels that it must have.
        min_score: The detector's confidence that it must have.

    Raises:
        ValueError: An unknown name.
    """

    choose: str = "centre"
    min_face_size: float = 0
    min_score: float = 0.0

    def __post_init__(self) -> None:
        if self.choose not in CHOICES:
            raise ValueError(f"choose={self.choose!r} is unknown: pass one of {', '.join(CHOICES)}")

    def passing(self, faces: Faces) -> Faces:
        """Those that are large and sure enough, and whose points are numbers."""
        sides = (faces.boxes[:, 2:] - faces.boxes[:, :2]).min(1)
        finite = np.isfinite(faces.points).all((1, 2))
        return faces.take((sides >= self.min_face_size) & (faces.scores >= self.min_score) & finite)

    def meant(self, faces: Faces, height: int, width: int) -> Faces:
        """Of faces that pass, at least one."""
        return faces.take(CHOICES[self.choose](faces, height, width))
