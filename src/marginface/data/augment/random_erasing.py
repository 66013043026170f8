"""Random Erasing: a rectangle of random pixels.

Source: Zhong et al., AAAI 2020 (arXiv:1708.04896), algorithm 1. `albumentations.Erasing` draws other rectangles: on
square images its area ends at 0.3, whatever it is told, and wide ones are more likely than tall ones.
"""

import math
from typing import Any

import numpy as np
from albumentations import ImageOnlyTransform
from numpy.typing import NDArray

_ATTEMPTS = 100  # of the authors' code; the paper draws until a rectangle fits


class RandomErasing(ImageOnlyTransform):  # type: ignore[misc]
    """Replace a rectangle of random area, form, place by uniform random pixels.

    Args:
        area: Least and greatest area of the rectangle as a fraction of the image's: s_l, s_h of the paper.
        ratio: Least and greatest height divided by width, drawn uniformly: r_1, r_2 of the paper.
        p: Probability of doing anything.

    Raises:
        ValueError: `area` is no range in (0, 1), or `ratio` none of positive numbers.
    """

    class InitSchema(ImageOnlyTransform.InitSchema):  # type: ignore[misc]
        """What albumentations checks: the types."""

        area: tuple[float, float]
        ratio: tuple[float, float]

    def __init__(
        self, area: tuple[float, float] = (0.02, 0.4), ratio: tuple[float, float] = (0.3, 1 / 0.3), p: float = 0.5
    ) -> None:
        super().__init__(p=p)
        if not 0 < area[0] <= area[1] < 1:
            raise ValueError(f"area={tuple(area)}: pass the least and the greatest fraction of the area, in (0, 1)")
        if not 0 < ratio[0] <= ratio[1]:
            raise ValueError(f"ratio={tuple(ratio)}: pass the least and the greatest height / width, above 0")
        self.area, self.ratio = tuple(area), tuple(ratio)

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the upper left corner, the size and the pixels of the rectangle; an empty one if none fits."""
        height, width = params["shape"][:2]
        for _ in range(_ATTEMPTS):
            erased = height * width * self.py_random.uniform(*self.area)
            ratio = self.py_random.uniform(*self.ratio)
            h, w = round(math.sqrt(erased * ratio)), round(math.sqrt(erased / ratio))
            if 0 < h < height and 0 < w < width:
                top, left = self.py_random.randint(0, height - h), self.py_random.randint(0, width - w)
                pixels = self.random_generator.integers(0, 256, (h, w, params["shape"][2]), dtype=np.uint8)
                return {"corner": (top, left), "pixels": pixels}
        return {"corner": (0, 0), "pixels": np.zeros((0, 0, params["shape"][2]), np.uint8)}

    def apply(
        self, img: NDArray[np.uint8], corner: tuple[int, int], pixels: NDArray[np.uint8], **params: Any
    ) -> NDArray[np.uint8]:
        """Put the random pixels on a copy."""
        erased = img.copy()
        top, left = corner
        erased[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        return erased
