"""One look at the bytes and pixels of every image of a training set.

Shapes: N images of the source.
"""

import hashlib
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from marginface.data.decode import decode
from marginface.data.errors import ImageDecodeError
from marginface.data.source import FaceSource

_BLOCK = 512  # images that a worker hands over together


class ImageScan(NamedTuple):
    """What the images are, apart from whom they show.

    Args:
        digest: SHA-256 of the bytes, (N, 32) uint8.
        intact: Whether it is an image of the source's size, (N,) bool.
        brightness: Mean of the grey image, 0 to 255, (N,) float32; NaN where it is not intact.
        sharpness: Variance of the Laplacian of the grey image, (N,) float32; NaN where it is not intact.
            A focus measure of Pech-Pacheco et al., ICPR 2000.
    """

    digest: NDArray[np.uint8]
    intact: NDArray[np.bool_]
    brightness: NDArray[np.float32]
    sharpness: NDArray[np.float32]


def scan_images(source: FaceSource, num_workers: int = 0) -> ImageScan:
    """Hash and decode all images once.

    Args:
        source: The training set.
        num_workers: Processes that read; 0 reads in this one.
    """
    blocks = DataLoader(_Blocks(source), batch_size=None, num_workers=num_workers, collate_fn=_as_is)
    return ImageScan(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


class _Blocks(Dataset[ImageScan]):
    def __init__(self, source: FaceSource) -> None:
        self._source = source

    def __len__(self) -> int:
        return -(-len(self._source) // _BLOCK)

    def __getitem__(self, block: int) -> ImageScan:
        start = block * _BLOCK
        return _scan(self._source, range(start, min(start + _BLOCK, len(self._source))))


def _scan(source: FaceSource, span: range) -> ImageScan:
    digest = np.empty((len(span), 32), np.uint8)
    brightness, sharpness = np.full((2, len(span)), np.nan, np.float32)
    for row, index in enumerate(span):
        encoded = source.read(index)
        digest[row] = np.frombuffer(hashlib.sha256(encoded).digest(), np.uint8)
        try:
            image = decode(encoded, source.where(index))
        except ImageDecodeError:
            continue
        if image.shape[:2] == tuple(source.image_size):
            grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            brightness[row] = grey.mean()
            sharpness[row] = cv2.Laplacian(grey, cv2.CV_64F).var()
    return ImageScan(digest, ~np.isnan(brightness), brightness, sharpness)


def _as_is(scan: Any) -> Any:
    return scan
