"""Encoded image bytes <-> uint8 RGB arrays.

Shapes: H, W height and width in pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import ImageDecodeError

_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"


def decode(encoded: bytes, where: str) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG, BMP or WebP image.

    Args:
        encoded: Bytes of the image file.
        where: Where the bytes come from, for the error message.

    Returns:
        Image (H, W, 3) uint8 in RGB order; grey images get three equal channels.

    Raises:
        ImageDecodeError: No image, or a truncated JPEG (which OpenCV would silently fill with grey).
    """
    if encoded.startswith(_JPEG_START) and _JPEG_END not in encoded:
        raise _error(encoded, where, "it is a JPEG that was cut short")
    if not encoded:
        raise _error(encoded, where, "it is empty")
    try:
        image = cv2.imdecode(np.frombuffer(encoded, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise _error(encoded, where, "OpenCV refuses it") from error
    if image is None:
        raise _error(encoded, where, "it is no intact JPEG, PNG, BMP or WebP")
    return np.asarray(image, dtype=np.uint8)


def encode(image_rgb: NDArray[np.uint8], quality: int = 95) -> bytes:
    """Encode an image as JPEG.

    Args:
        image_rgb: Image (H, W, 3) uint8 in RGB order.
        quality: JPEG quality, 0..100.

    Returns:
        Bytes of the JPEG file.

    Raises:
        ValueError: `image_rgb` has another shape or type.
    """
    if image_rgb.dtype != np.uint8 or image_rgb.ndim != 3 or image_rgb.shape[2] != 3:
        raise ValueError(f"image_rgb is {image_rgb.dtype} {image_rgb.shape}: pass uint8 of shape (H, W, 3).")
    bgr = np.ascontiguousarray(image_rgb[:, :, ::-1])
    done, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return encoded.tobytes()


def _error(encoded: bytes, where: str, reason: str) -> ImageDecodeError:
    return ImageDecodeError(
        f"{where}: cannot decode the image ({len(encoded)} bytes): {reason}. Copy the data again or leave it out."
    )
