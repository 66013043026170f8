"""From a requested batch to augmented uint8 tensors."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from marginface.data.decode import decode
from marginface.data.errors import ImageDecodeError
from marginface.data.image_set import as_image_set
from marginface.data.sampler import BatchRequest
from marginface.data.source import FaceSource

Batch = dict[str, Tensor]


class Transform(Protocol):
    """What an ``albumentations.Compose`` offers: a uint8 (H, W, 3) image in, one out, with its own seed."""

    def __call__(self, *, image: np.ndarray) -> dict[str, Any]:
        """Augment one image."""

    def set_random_seed(self, seed: int | None) -> None:
        """Make the following calls reproducible."""


class FaceDataset(Dataset[Batch]):
    """Training images of a source, batch by batch.

    Args:
        source: where the encoded images are.
        indices: (M,) the samples of the source that are used.
        labels: (M,) their labels in [0, C).
        image_size: (height, width) that every image must have.
        transform: augmentation of single uint8 images, or None.
        on_error: ``fail`` at an undecodable image, or ``skip`` it; the batch then says how many it left out.
    """

    def __init__(
        self,
        source: FaceSource,
        indices: np.ndarray,
        labels: np.ndarray,
        image_size: tuple[int, int],
        transform: Transform | None = None,
        on_error: str = "fail",
    ) -> None:
        self.source, self.indices, self.labels = source, indices, labels
        self.image_size, self.transform, self.on_error = image_size, transform, on_error

    def __len__(self) -> int:
        """Number of images."""
        return len(self.indices)

    def __getitem__(self, request: BatchRequest) -> Batch:
        """Decode and augment a batch.

        Returns:
            ``image`` (N, 3, H, W) uint8, ``label`` (N,) int64, ``skipped`` () int64.

        Raises:
            ImageDecodeError: if an image cannot be decoded and ``on_error`` is ``fail``, or none of the batch can.
        """
        if self.transform is not None:
            self.transform.set_random_seed(request.seed)
        images, labels = [], []
        for position in request.indices:
            image = self._load(int(self.indices[position]))
            if image is not None:
                images.append(image)
                labels.append(self.labels[position])
        if not images:
            raise ImageDecodeError(f"none of the {len(request.indices)} images of a batch can be decoded")
        return {
            "image": to_tensor(images),
            "label": torch.as_tensor(np.array(labels, dtype=np.int64)),
            "skipped": torch.tensor(len(request.indices) - len(images)),
        }

    def _load(self, index: int) -> np.ndarray | None:
        try:
            image = decode(self.source.read(index), self.source.where(index))
        except ImageDecodeError:
            if self.on_error == "skip":
                return None
            raise
        check_size(image, self.image_size, self.source.where(index))
        return image if self.transform is None else self.transform(image=image)["image"]


class ImageDataset(Dataset[Batch]):
    """Images in a fixed order, for evaluation.

    Args:
        images: encoded images.
        image_size: (height, width) that every image must have.
        name: of the benchmark, for messages.
        chosen: (M,) numbers of the images to load; None for all.
    """

    def __init__(
        self,
        images: Sequence[bytes],
        image_size: tuple[int, int],
        name: str,
        chosen: np.ndarray | None = None,
    ) -> None:
        self.images, self.image_size = as_image_set(images, name), image_size
        self.chosen = np.arange(len(images)) if chosen is None else chosen

    def __len__(self) -> int:
        """Number of images."""
        return len(self.chosen)

    def __getitem__(self, place: int) -> Batch:
        """``image`` (3, H, W) uint8 and its ``index``."""
        index = int(self.chosen[place])
        image = self.images.load(index)
        check_size(image, self.image_size, self.images.where(index))
        return {"image": to_tensor([image])[0], "index": torch.tensor(index)}


def to_tensor(images: Sequence[np.ndarray]) -> Tensor:
    """Stack (H, W, 3) uint8 images to a (N, 3, H, W) uint8 tensor."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def check_size(image: np.ndarray, image_size: tuple[int, int], where: str) -> None:
    """Refuse an image of another size.

    Raises:
        ValueError: naming the image, its size and the expected one.
    """
    if image.shape[:2] != tuple(image_size):
        raise ValueError(
            f"{where} has size {image.shape[:2]} (height, width); expected {tuple(image_size)}: "
            "align the faces to that size, or set the size that they have"
        )
