"""Encoded images of one size: kept as they are where they fit, else encoded anew."""

from typing import NamedTuple

import cv2
import numpy as np

from marginface.data.decode import decode, encode
from marginface.data.errors import DataError

_JPEG = b"\xff\xd8"


class WrongSizeError(DataError):
    """An image that has another size than its set."""


class Fitted(NamedTuple):
    """An image as it goes into a set.

    Attributes:
        image: JPEG bytes.
        encoded: Whether they were made here.
    """

    image: bytes
    encoded: bool


def fit_image(image: bytes, where: str, image_size: tuple[int, int], quality: int, resize: bool) -> Fitted:
    """JPEG of the size that a set has; a JPEG of that size keeps its bytes.

    Args:
        image: Encoded image.
        where: Where it lies, for messages.
        image_size: (height, width) in pixels.
        quality: JPEG quality of images that are encoded.
        resize: Whether an image of another size is resized; otherwise it is refused.

    Raises:
        ImageDecodeError: It is no intact image.
        WrongSizeError: It has another size, and `resize` is false.
    """
    pixels = decode(image, where)
    height, width = pixels.shape[:2]
    if (height, width) == image_size:
        return Fitted(image, False) if image.startswith(_JPEG) else Fitted(encode(pixels, quality), True)
    if not resize:
        raise WrongSizeError(
            f"{where}: the image is {height} x {width}, its set {image_size[0]} x {image_size[1]} (height x width): "
            "align the faces to that size, or pass resize=true"
        )
    smaller = height > image_size[0]
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(pixels, image_size[::-1], interpolation=method), np.uint8)
    return Fitted(encode(resized, quality), True)
