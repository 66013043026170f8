"""One photo to one aligned crop in a file: what a worker of `align_photos` does."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from marginface.data.decode import decode, encode
from marginface.data.errors import ImageDecodeError
from marginface.prepare.failures import Failure
from marginface.prepare.fitting import WrongSizeError, fit_image
from marginface.prepare.landmarks import MarkedPhoto
from marginface.prepare.templates import CONVENTIONS, TEMPLATES, is_mirrored

_PART = ".part"
_LONGEST_SIDE = 32_766  # that OpenCV warps: it counts pixels in 16 bits
_MIN_INSIDE = 3  # points that must lie in the photo; a face may be cut off at its edge


class _LargePhotoError(ValueError):
    """A photo that cannot be warped."""


@dataclass(frozen=True)
class Cropping:
    """How photos become crops; picklable into workers.

    Attributes:
        root: Folder that the photos' paths start from.
        out: Folder of the crops.
        image_size: (height, width) of the crops in pixels, a key of `TEMPLATES`.
        convention: A name of `CONVENTIONS`.
        quality: JPEG quality.
    """

    root: Path
    out: Path
    image_size: tuple[int, int]
    convention: str
    quality: int

    def target(self, photo: MarkedPhoto) -> Path:
        """File of a photo's crop below `out`: the name that the list gives, else the photo's, with the ending .jpg."""
        if photo.crop is not None:
            return self.out / f"{photo.crop}.jpg"
        return (self.out / photo.path).with_suffix(".jpg")

    def __call__(self, photo: MarkedPhoto) -> Failure | None:
        """Write the crop of a photo, complete or not at all; why it cannot be, if so."""
        try:
            encoded = (self.root / photo.path).read_bytes()
        except OSError as error:
            return Failure(photo.name, "missing file", f"{self.root / photo.path}: {error.strerror}")
        try:
            crop = self._crop(photo, encoded)
        except WrongSizeError as error:
            return Failure(photo.name, "other size", str(error))
        except _LargePhotoError as error:
            return Failure(photo.name, "photo too large", str(error))
        except ImageDecodeError as error:
            return Failure(photo.name, "no intact image", str(error))
        except ValueError as error:
            return Failure(photo.name, "unusable landmarks", str(error))
        target = self.target(photo)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}{_PART}")
        part.write_bytes(crop)
        part.replace(target)
        return None

    def _crop(self, photo: MarkedPhoto, encoded: bytes) -> bytes:
        where = str(self.root / photo.path)
        if photo.aligned:
            return fit_image(encoded, where, self.image_size, self.quality, resize=False).image
        if photo.points is None:
            raise ValueError("the list has no landmarks for it")
        pixels = decode(encoded, where)
        _check(photo.points, *pixels.shape[:2])
        matrix = CONVENTIONS[self.convention](photo.points, TEMPLATES[self.image_size])
        height, width = self.image_size
        crop = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=0)
        return encode(np.asarray(crop, np.uint8), self.quality)


def _check(points: NDArray[np.float64], height: int, width: int) -> None:
    """Refuse points that are no face of an (H, W) photo; those that lie all in one point the fit refuses."""
    if max(height, width) > _LONGEST_SIDE:
        raise _LargePhotoError(f"the photo is {width} x {height}, more than {_LONGEST_SIDE} pixels a side: shrink it")
    inside = ((points > -1) & (points < [width, height])).all(1)
    if inside.sum() < _MIN_INSIDE:
        raise ValueError(
            f"{5 - inside.sum()} of the 5 points lie outside the photo of {width} x {height} pixels: they must refer "
            "to the upright photo in its full size"
        )
    if is_mirrored(points):
        raise ValueError(
            "left and right are confused: the order is left eye, right eye, nose, left and right corner of the mouth "
            "as an upright photo shows them"
        )
