"""Augmentation that makes an image small, then large again, each by an interpolation drawn anew.

Source: the low-resolution augmentation of AdaFace (CVPR 2022; `data.py` of mk-minchul/AdaFace).
"""

from typing import Any

import cv2
import numpy as np
from albumentations import ImageOnlyTransform
from numpy.typing import NDArray

_INTERPOLATIONS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


class LowResolution(ImageOnlyTransform):  # type: ignore[misc]
    """Shrink by a random factor, then enlarge; all 25 pairs of five interpolations are equally likely.

    Args:
        scale: Least and greatest factor of the sides.
        p: Probability of doing anything.

    Raises:
        ValueError: `scale` is no range in (0, 1].
    """

    class InitSchema(ImageOnlyTransform.InitSchema):  # type: ignore[misc]
        """What albumentations checks: the types."""

        scale: tuple[float, float]

    def __init__(self, scale: tuple[float, float] = (0.2, 1.0), p: float = 0.2) -> None:
        super().__init__(p=p)
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f"scale={tuple(scale)}: pass the least and the greatest factor of the sides, in (0, 1]")
        self.scale = tuple(scale)

    def get_params(self) -> dict[str, Any]:
        """Draw the factor, and the interpolations down and up."""
        return {
            "factor": self.py_random.uniform(*self.scale),
            "interpolations": (self.py_random.choice(_INTERPOLATIONS), self.py_random.choice(_INTERPOLATIONS)),
        }

    def apply(
        self, img: NDArray[np.uint8], factor: float, interpolations: tuple[int, int], **params: Any
    ) -> NDArray[np.uint8]:
        """Shrink and enlarge."""
        height, width = img.shape[:2]
        small = (max(1, int(factor * width)), max(1, int(factor * height)))
        shrunk = cv2.resize(img, small, interpolation=interpolations[0])
        enlarged: NDArray[Any] = cv2.resize(shrunk, (width, height), interpolation=interpolations[1])
        return enlarged
