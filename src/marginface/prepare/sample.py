"""One labelled image on its way from a set to another."""

from typing import NamedTuple

from marginface.data.errors import ImageDecodeError


class Sample(NamedTuple):
    """A labelled image.

    Attributes:
        number: Its place in the set it comes from, from 1; its key in the next one.
        label: Class index.
        image: Encoded image.
    """

    number: int
    label: int
    image: bytes


def key_width(num_samples: int) -> int:
    """Digits of a key, so that the order of the names is that of the numbers."""
    return max(7, len(str(num_samples)))


def image_suffix(image: bytes, where: str) -> str:
    """Ending of an image file by what the bytes say.

    Raises:
        ImageDecodeError: They are no JPEG, PNG, BMP or WebP.
    """
    if image.startswith(b"\xff\xd8"):
        return ".jpg"
    if image.startswith(b"\x89PNG"):
        return ".png"
    if image.startswith(b"BM"):
        return ".bmp"
    if image.startswith(b"RIFF") and image[8:12] == b"WEBP":
        return ".webp"
    raise ImageDecodeError(f"{where}: its {len(image)} bytes are no JPEG, PNG, BMP or WebP: leave it out.")
