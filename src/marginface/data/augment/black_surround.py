"""Augmentation that keeps a random part of the image in its place, all around it black.

Source: the crop of AdaFace (CVPR 2022), whose code draws the box as torchvision's ``RandomResizedCrop`` does.
"""

import math
from typing import Any

import numpy as np
from albumentations import ImageOnlyTransform
from numpy.typing import NDArray

_ATTEMPTS = 10  # of torchvision; a box that does not fit ten times leaves the image whole


class BlackSurround(ImageOnlyTransform):  # type: ignore[misc]
    """Keep a box of random size, form, place; the pixels outside become 0, the face stays aligned.

    Args:
        scale: Least and greatest area of the box, as a fraction of the image's.
        ratio: Least and greatest width divided by height, drawn uniformly in the logarithm.
        p: Probability of doing anything.

    Raises:
        ValueError: `scale` is no range in (0, 1], or `ratio` none of positive numbers.
    """

    class InitSchema(ImageOnlyTransform.InitSchema):  # type: ignore[misc]
        """What albumentations checks: the types."""

        scale: tuple[float, float]
        ratio: tuple[float, float]

    def __init__(
        self, scale: tuple[float, float] = (0.2, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3), p: float = 0.2
    ) -> None:
        super().__init__(p=p)
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f"scale={tuple(scale)}: pass the least and the greatest fraction of the area, in (0, 1]")
        if not 0 < ratio[0] <= ratio[1]:
            raise ValueError(f"ratio={tuple(ratio)}: pass the least and the greatest width / height, above 0")
        self.scale, self.ratio = tuple(scale), tuple(ratio)

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draw the box: top, left, height, width in pixels."""
        height, width = params["shape"][:2]
        low, high = map(math.log, self.ratio)
        for _ in range(_ATTEMPTS):
            area = height * width * self.py_random.uniform(*self.scale)
            ratio = math.exp(self.py_random.uniform(low, high))
            h, w = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if 0 < h <= height and 0 < w <= width:
                return {"box": (self.py_random.randint(0, height - h), self.py_random.randint(0, width - w), h, w)}
        return {"box": (0, 0, height, width)}

    def apply(self, img: NDArray[np.uint8], box: tuple[int, int, int, int], **params: Any) -> NDArray[np.uint8]:
        """Blacken what is outside of the box."""
        top, left, height, width = box
        kept = np.zeros_like(img)
        kept[top : top + height, left : left + width] = img[top : top + height, left : left + width]
        return kept
