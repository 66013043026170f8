"""Encoded image bytes <-> uint8 RGB arrays.

JPEGs go through simplejpeg, which decodes into a given array (see bench/data.py); the pixels are OpenCV's.

Shapes: H, W height and width in pixels.
"""

from collections.abc import Callable

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from marginface.data.errors import ImageDecodeError
from marginface.data.stated_size import why_not_decode

_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_EXIF = b"Exif\0\0"
_TABLES = b"\xff\xdb"
_MOST_PIXELS = 1 << 27  # of a photo: 134 million, 400 MB decoded
_TIMES = 256  # pixels that an image may have for each that is expected: decoding it ends in the message on its size
_AFTER_JFIF = slice(20, 22)  # the marker that follows a JFIF header without thumbnail


def decode(encoded: bytes, where: str | Callable[[], str], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG, BMP or WebP image.

    Args:
        encoded: Bytes of the image file.
        where: Where the bytes come from, for the error message; or what tells it when there is an error.
        out: (H, W, 3) uint8, contiguous, to decode into (its former pixels are lost); None makes a new array.

    Returns:
        Image (H, W, 3) uint8 in RGB order; grey images get three equal channels. It is `out` itself where the decoder
        could write there, else an array of the image's own size.

    Raises:
        ImageDecodeError: No image, a truncated JPEG (which OpenCV would silently fill with grey), or one whose header
            states more pixels than its bytes can hold, than 134 million, or than 256 times those of `out`.
    """
    if encoded.startswith(_JPEG_START):
        if is_cut_short(encoded):
            raise _error(encoded, where, "it is a JPEG that was cut short")
        if out is None:
            _check_header(encoded, where, out)
        pixels = _decode_jpeg(encoded, out)  # takes no memory for an image that is larger than `out`
        if pixels is not None:
            return pixels
    if not encoded:
        raise _error(encoded, where, "it is empty")
    _check_header(encoded, where, out)
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


def is_upright_jpeg(encoded: bytes) -> bool:
    """Whether an image is a JPEG that no EXIF entry turns."""
    return encoded.startswith(_JPEG_START) and not _may_be_turned(encoded)


def is_cut_short(jpeg: bytes) -> bool:
    """Whether a JPEG lacks its end; decoders fill the rest with grey."""
    return not jpeg.endswith(_JPEG_END) and _JPEG_END not in jpeg  # the search alone takes 5 % of a decode


def _may_be_turned(jpeg: bytes) -> bool:
    # EXIF stands before the tables; where these come at once the bytes need not be searched.
    return jpeg[_AFTER_JFIF] != _TABLES and _EXIF in jpeg


def _decode_jpeg(encoded: bytes, out: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    """Pixels by simplejpeg; None where OpenCV has to see the file: it turns by EXIF, converts CMYK, bears flaws."""
    if _may_be_turned(encoded):
        return None
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(encoded, "RGB", buffer=out)  # fast modes change pixels: off
    except ValueError:  # also where the image is larger than `out`
        return None
    return out if out is not None and pixels.shape == out.shape else pixels.copy() if out is not None else pixels


def _check_header(encoded: bytes, where: str | Callable[[], str], out: NDArray[np.uint8] | None) -> None:
    """Refuse what takes a decoder gigabytes or minutes, such as 1 kB that states 20,000 x 20,000 pixels."""
    most = _MOST_PIXELS if out is None else min(_MOST_PIXELS, _TIMES * out.size // 3)
    if (reason := why_not_decode(encoded, most)) is not None:
        raise _error(encoded, where, reason)


def _error(encoded: bytes, where: str | Callable[[], str], reason: str) -> ImageDecodeError:
    where = where if isinstance(where, str) else where()
    return ImageDecodeError(
        f"{where}: cannot decode the image ({len(encoded)} bytes): {reason}. Copy the data again or leave it out."
    )
