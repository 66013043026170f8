"""One photo to one aligned crop in a file: what a worker of `align_photos` does."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from marginface.data.decode import decode, encode
from marginface.data.errors import ImageDecodeError
from marginface.prepare.failures import Failure
from marginface.prepare.fitting import WrongSizeError, fit_image
from marginface.prepare.landmarks import MarkedPhoto
from marginface.prepare.templates import CONVENTIONS, TEMPLATES

_PART = ".part"


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
        """File of a photo's crop: the photo's path below `out`, with the ending .jpg."""
        return (self.out / photo.path).with_suffix(".jpg")

    def __call__(self, photo: MarkedPhoto) -> Failure | None:
        """Write the crop of a photo, complete or not at all; why it cannot be, if so."""
        try:
            encoded = (self.root / photo.path).read_bytes()
        except OSError as error:
            return Failure(photo.path, "missing file", f"{self.root / photo.path}: {error.strerror}")
        try:
            crop = self._crop(photo, encoded)
        except WrongSizeError as error:
            return Failure(photo.path, "other size", str(error))
        except ImageDecodeError as error:
            return Failure(photo.path, "no intact image", str(error))
        except ValueError as error:
            return Failure(photo.path, "unusable landmarks", str(error))
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
        matrix = CONVENTIONS[self.convention](photo.points, TEMPLATES[self.image_size])
        pixels = decode(encoded, where)
        height, width = self.image_size
        crop = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=0)
        return encode(np.asarray(crop, np.uint8), self.quality)
