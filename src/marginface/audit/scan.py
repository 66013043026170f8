"""One look at the bytes and pixels of every image of a training set.

Shapes: N images of the source, H x W pixels.
"""

import hashlib
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from marginface.data.decode import decode
from marginface.data.errors import ImageDecodeError
from marginface.data.source import FaceSource
from marginface.matching.shares import gathered, share

_BLOCK = 512  # images that a worker hands over together


class ImageScan(NamedTuple):
    """What the images are, apart from whom they show; pixels tell nothing (NaN) where an image is not intact.

    Args:
        digest: SHA-256 of the bytes, (N, 32) uint8.
        num_bytes: Length of the encoded image, (N,) int64.
        brightness: Mean of the grey image, 0 to 255, (N,) float32.
        sharpness: Variance of the Laplacian of the grey image, (N,) float32.
            A focus measure of Pech-Pacheco et al., ICPR 2000.
        detail: Share of the grey image's deviation that halving its size and doubling it again loses, 0 to 1, (N,)
            float32; little is lost where a small face was enlarged.
        colour: Mean difference between red and green, and green and blue, 0 to 255, (N,) float32; 0 for a grey image.
    """

    digest: NDArray[np.uint8]
    num_bytes: NDArray[np.int64]
    brightness: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    detail: NDArray[np.float32]
    colour: NDArray[np.float32]

    @property
    def intact(self) -> NDArray[np.bool_]:
        """Whether it is an image of the source's size, (N,) bool."""
        return np.asarray(~np.isnan(self.brightness))


def scan_images(source: FaceSource, num_workers: int = 0) -> ImageScan:
    """Hash and decode all images once; under several processes each reads a share, and all get the whole.

    Args:
        source: The training set.
        num_workers: Further processes that read; 0 reads in this one.
    """
    blocks = DataLoader(
        _Blocks(source, *share(len(source))), batch_size=None, num_workers=num_workers, collate_fn=_as_is
    )
    parts = [_scan(source, range(0)), *blocks]  # the first of no images: a share may be empty
    own = (torch.from_numpy(np.concatenate(part)) for part in zip(*parts, strict=True))
    return ImageScan(*(gathered(part).numpy() for part in own))


class _Blocks(Dataset[ImageScan]):
    """Scans of the images ``start`` to ``stop - 1``, a block at a time."""

    def __init__(self, source: FaceSource, start: int, stop: int) -> None:
        self._source, self._span = source, range(start, stop)

    def __len__(self) -> int:
        return -(-len(self._span) // _BLOCK)

    def __getitem__(self, block: int) -> ImageScan:
        return _scan(self._source, self._span[block * _BLOCK : (block + 1) * _BLOCK])


def _scan(source: FaceSource, span: range) -> ImageScan:
    digest, num_bytes = np.empty((len(span), 32), np.uint8), np.empty(len(span), np.int64)
    pixels = np.full((4, len(span)), np.nan, np.float32)
    for row, index in enumerate(span):
        encoded = source.read(index)
        digest[row] = np.frombuffer(hashlib.sha256(encoded).digest(), np.uint8)
        num_bytes[row] = len(encoded)
        try:
            image = decode(encoded, source.where(index))
        except ImageDecodeError:
            continue
        if image.shape[:2] == tuple(source.image_size):
            pixels[:, row] = _look(image)
    return ImageScan(digest, num_bytes, *pixels)


def _look(image: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Brightness, sharpness, detail and colour of an RGB image (H, W, 3)."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    red, green, blue = cv2.split(image)
    colour = (cv2.mean(cv2.absdiff(red, green))[0] + cv2.mean(cv2.absdiff(green, blue))[0]) / 2
    return float(grey.mean()), float(cv2.Laplacian(grey, cv2.CV_64F).var()), _detail(grey), colour


def _detail(grey: NDArray[np.uint8]) -> float:
    height, width = grey.shape
    half = cv2.resize(grey, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    again = cv2.resize(half, (width, height), interpolation=cv2.INTER_CUBIC)
    deviation = float(grey.std())
    lost = float(np.sqrt(np.mean((grey.astype(np.float32) - again) ** 2)))
    return min(1.0, lost / deviation) if deviation else 0.0


def _as_is(scan: Any) -> Any:
    return scan
