"""Augmentation that draws a flat face mask over the lower half of an aligned face.

Ours; it stands for masks, scarfs and hands, and is no model of how they look.
"""

from typing import Any

import cv2
import numpy as np
from albumentations import ImageOnlyTransform
from numpy.typing import NDArray

# Corners of the mask in fractions of width and height: cheek, (nose,) cheek, jaw, chin, jaw.
_CHEEKS = ((0.12, 0.03), (0.88, 0.03))  # the second number: below the upper edge
_JAW = ((0.8, 0.88), (0.62, 1.0), (0.38, 1.0), (0.2, 0.88))


class FaceMask(ImageOnlyTransform):  # type: ignore[misc]
    """Fill the outline of a face mask with one random colour.

    Args:
        top: Least and greatest height of the upper edge at the nose, as a fraction of the image's from above.
        jitter: Greatest shift of each corner, as a fraction of the image's sides.
        p: Probability of doing anything.

    Raises:
        ValueError: `top` is no range in [0, 1], or `jitter` negative.
    """

    class InitSchema(ImageOnlyTransform.InitSchema):  # type: ignore[misc]
        """What albumentations checks: the types."""

        top: tuple[float, float]
        jitter: float

    def __init__(self, top: tuple[float, float] = (0.5, 0.72), jitter: float = 0.04, p: float = 0.25) -> None:
        super().__init__(p=p)
        if not 0 <= top[0] <= top[1] <= 1:
            raise ValueError(f"top={tuple(top)}: pass the least and the greatest fraction of the height, in [0, 1]")
        if jitter < 0:
            raise ValueError(f"jitter={jitter} is negative: pass a fraction of the image's sides, 0 for none")
        self.top, self.jitter = tuple(top), jitter

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the outline, (7, 2) int32 pixels (x, y), and the colour."""
        height, width = params["shape"][:2]
        top = self.py_random.uniform(*self.top)
        left, right = ((x, top + below) for x, below in _CHEEKS)
        corners = np.array([left, (0.5, top), right, *_JAW])
        corners += self.random_generator.uniform(-self.jitter, self.jitter, corners.shape)
        corners[:, 1] = np.maximum(corners[:, 1], top)  # the eyes stay free
        colour = [self.py_random.randint(0, 255) for _ in range(3)]
        return {"outline": np.rint(corners * (width, height)).astype(np.int32), "colour": colour}

    def apply(
        self, img: NDArray[np.uint8], outline: NDArray[np.int32], colour: list[int], **params: Any
    ) -> NDArray[np.uint8]:
        """Draw the mask on a copy."""
        covered = np.ascontiguousarray(img).copy()
        cv2.fillPoly(covered, [outline], colour)
        return covered
