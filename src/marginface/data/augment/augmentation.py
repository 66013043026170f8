"""Augmentation of a batch's images by albumentations, without its overhead for the flip that opens nearly every chain.

Shapes: N images, H x W pixels.
"""

import copy
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from marginface.data.augment.run_seed import RunSeed
from marginface.data.augment.transform import Transform

__all__ = ["Augmentation", "Transform"]


class Augmentation:
    """Applies a transform to the images of a batch.

    A ``HorizontalFlip`` at the head of an ``albumentations.Compose`` is taken out of the chain: albumentations' own
    generator still decides who is flipped, so that the batch is the same bit for bit, but OpenCV turns the image where
    it lies. Compose's bookkeeping costs 2 to 4 us an image and albumentations' flip as much again; a decode costs 65.

    Args:
        transform: augmentation of single uint8 images, or None.
    """

    def __init__(self, transform: Transform | None) -> None:
        self._seed = None if transform is None else RunSeed(transform)
        self._flip, self._rest = _without_leading_flip(transform)

    @property
    def only_flips(self) -> bool:
        """Whether the transform is a flip, or none."""
        return self._rest is None

    def flips(self, count: int, seed: int) -> NDArray[np.bool_]:
        """Which images of a batch a transform that only flips would flip.

        Args:
            count: N.
            seed: of the first place of the batch; the place after it has the next one.

        Returns:
            (N,) bool.
        """
        if self._seed is None:
            return np.zeros(count, dtype=bool)
        self._seed.begin()
        return np.array([self._flips_next(seed, place) for place in range(count)], dtype=bool)

    def __call__(self, images: np.ndarray, seed: int, places: Sequence[int] | None = None) -> None:
        """Augment the images of a batch one by one, in place, as a function of the seed.

        Args:
            images: (N, H, W, 3) uint8, contiguous.
            seed: of the first place of the batch; the place after it has the next one.
            places: N places of these images in the batch, ascending; None if none of it is left out.

        Raises:
            ValueError: if the transform changes the size or the type of an image.
        """
        if self._seed is None:
            return
        self._seed.begin()
        for place, image in zip(range(len(images)) if places is None else places, images, strict=True):
            if self._flips_next(seed, place):
                cv2.flip(image, 1, image)
            if self._rest is not None:
                augmented = self._rest(image=image)["image"]
                _check(augmented, image)
                np.copyto(image, augmented)

    def _flips_next(self, seed: int, place: int) -> bool:
        assert self._seed is not None
        self._seed.reach(seed, place)
        if self._flip is None:
            return False
        self._seed.draw()  # Compose's own, whether to apply anything
        return bool(self._flip.should_apply())


def _without_leading_flip(transform: Transform | None) -> tuple[Any, Transform | None]:
    """The flip at the head of a plain Compose, and what is left to apply; each None where there is none."""
    if transform is None or not type(transform).__module__.startswith("albumentations."):
        return None, transform
    import albumentations

    chain: Any = transform
    # A subclass may do more than its base class: only these very two are known.
    if type(chain) is not albumentations.Compose or chain.p < 1 or chain.save_applied_params:
        return None, chain
    if not chain.transforms or type(chain.transforms[0]) is not albumentations.HorizontalFlip:
        return None, chain
    flip, *others = chain.transforms
    if not others:
        return flip, None
    rest = copy.copy(chain)  # shares the transforms, so that seeding the whole chain seeds them, but not its own draw
    rest.transforms = others
    return flip, rest


def _check(augmented: np.ndarray, image: np.ndarray) -> None:
    if augmented.shape != image.shape or augmented.dtype != np.uint8:
        raise ValueError(
            f"transform returns {augmented.dtype} {augmented.shape} for a uint8 {image.shape} image: augmentation "
            "keeps size and type; the model normalises, and preprocess.image_size crops"
        )
