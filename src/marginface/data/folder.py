"""Labelled faces in a folder: one sub-folder an identity.

Shapes: M images.
"""

import os
from pathlib import Path

import numpy as np

from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.packed_words import PackedWords
from marginface.data.shared_arrays import SharesArrays
from marginface.data.source import size_of

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


class ImageFolder(SharesArrays):
    """Faces of `root/<identity>/<image>`; identities and images are numbered in the order of their names.

    Hidden folders and files of other kinds are passed over. File names cost no Python object each.

    Args:
        root: Folder of the identities' folders.
        image_size: Height, width in pixels that the images have.

    Attributes:
        labels: Class index of each image, (M,) int64.
        num_classes: Number of identities.
        classes: Folder name of each identity, in label order.
        image_size: As given.

    Raises:
        DataNotFoundError: No such folder, no sub-folder, or no image.
        DataError: An identity without image.
    """

    def __init__(self, root: Path | str, image_size: tuple[int, int] = (112, 112)) -> None:
        self.root = Path(root).absolute()
        self.image_size = size_of(image_size)
        if not self.root.is_dir():
            raise self._missing("there is no such folder")
        self.classes = sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir() and entry.name[0] != ".")
        if not self.classes:
            raise self._missing("it has no sub-folder")
        images = [_images_in(self.root / name) for name in self.classes]
        if not any(images):
            raise self._missing("its sub-folders hold no image")
        for name, found in zip(self.classes, images, strict=True):
            if not found:
                raise DataError(f"{self.root / name} holds no image ({' '.join(_SUFFIXES)}): fill it or delete it.")
        self.num_classes = len(self.classes)
        self.labels = np.repeat(np.arange(self.num_classes, dtype=np.int64), [len(found) for found in images])
        self._names = PackedWords(name for found in images for name in found)

    def __len__(self) -> int:
        return len(self._names)

    def read(self, index: int) -> bytes:
        """Encoded image of sample `index`."""
        path = self._path(index)
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise DataNotFoundError(f"{path} is gone since the folder was read: put it back or start anew.") from error

    def where(self, index: int) -> str:
        """The file of sample `index`."""
        return str(self._path(index))

    def _path(self, index: int) -> Path:
        return Path(self.root, self.classes[self.labels[index]], self._names[index])

    def _missing(self, what: str) -> DataNotFoundError:
        return DataNotFoundError(
            f"{self.root}: {what}; expected one sub-folder an identity with its images ({' '.join(_SUFFIXES)}). "
            "Check the data folder, or fetch the data (dvc pull)."
        )


def _images_in(folder: Path) -> list[str]:
    return sorted(
        entry.name
        for entry in os.scandir(folder)
        if entry.is_file() and entry.name[0] != "." and entry.name.lower().endswith(_SUFFIXES)
    )
