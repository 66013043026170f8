"""Encoded images to evaluate on, wherever they lie.

Shapes: N images, H x W pixels.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from marginface.data.decode import decode
from marginface.data.errors import DataNotFoundError
from marginface.data.found import is_there
from marginface.data.source import FaceSource


class ImageSet(Sequence[bytes]):
    """Images in a fixed order; item i is the encoded image, :meth:`load` its pixels. Picklable into workers.

    Args:
        images: The encoded images, in memory or read when asked for.
        name: What they are, for messages.
    """

    def __init__(self, images: Sequence[bytes], name: str = "the images") -> None:
        self._images, self.name = images, name

    def __len__(self) -> int:
        return len(self._images)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return [self.read(i) for i in range(*index.indices(len(self)))]
        return self.read(index)

    def read(self, index: int) -> bytes:
        """Encoded image ``index``; images that lie elsewhere are read here."""
        return self._images[index]

    def where(self, index: int) -> str:
        """Where image ``index`` lies, in words for messages."""
        return f"image {index} of {self.name}"

    def load(self, index: int) -> NDArray[np.uint8]:
        """Pixels of image ``index`` as the model takes them, (H, W, 3) uint8 RGB.

        Raises:
            ImageDecodeError: It is no intact image.
        """
        return decode(self[index], self.where(index))

    def fingerprint(self) -> str:
        """Text that changes with the images or their order; embeddings are kept under it."""
        digest = hashlib.sha256()
        for image in self:
            digest.update(len(image).to_bytes(8, "little"))
            digest.update(image)
        return digest.hexdigest()


class ImageFiles(ImageSet):
    """Images in files of a folder, read when they are asked for.

    Args:
        root: The folder.
        names: Paths below it, one an image.
        name: What they are, for messages.

    Raises:
        DataNotFoundError: A file is missing; says how many are, and names the first.
    """

    def __init__(self, root: Path | str, names: Sequence[str], name: str = "the images") -> None:
        super().__init__((), name)
        self.root, self.names = Path(root).absolute(), list(names)
        missing = [n for n in self.names if not is_there(self.root / n)]
        if missing:
            raise DataNotFoundError(
                f"{len(missing)} of the {len(self.names)} images of {name} are missing below {self.root}, the first is "
                f"{missing[0]}: put them there, or leave them out of the lists"
            )

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> bytes:
        """Content of the file."""
        return (self.root / self.names[index]).read_bytes()

    def where(self, index: int) -> str:
        """The file."""
        return str(self.root / self.names[index])

    def fingerprint(self) -> str:
        """From names, sizes and dates of change of the files: a million of them are not read to tell."""
        digest = hashlib.sha256()
        for name in self.names:
            state = (self.root / name).stat()
            digest.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
        return digest.hexdigest()


class SourceImages(ImageSet):
    """Some images of a source of labelled faces, read when they are asked for.

    Args:
        source: The faces.
        indices: Which of them, (N,) int64.
        name: What they are, for messages.
    """

    def __init__(self, source: FaceSource, indices: NDArray[np.int64], name: str = "the images") -> None:
        super().__init__((), name)
        self._source, self._indices = source, indices

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, index: int) -> bytes:
        """Encoded image of the source."""
        return self._source.read(int(self._indices[index]))

    def where(self, index: int) -> str:
        """Where the source has the image."""
        return self._source.where(int(self._indices[index]))


def as_image_set(images: Sequence[bytes], name: str) -> ImageSet:
    """The images as a set, as they are if they already are one."""
    return images if isinstance(images, ImageSet) else ImageSet(images, name)
