"""Batches from several sets, each in its own share."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marginface.data.sampler.base import BatchSampler, Images, derive_seed
from marginface.data.sampler.identity_cycle import IdentityCycle, occurrence

BLOCK = 4096  # images for which the sets are drawn together


class WeightedSampler(BatchSampler):
    """Draws the set of each image by its weight, and from the set its next image.

    No image of a set comes again before all others of that set have come. An epoch has as many images as one of
    BatchSampler.

    Args:
        parts: (M,) the set of each training image, in [0, S).
        weights: S positive numbers; weight w means a share of w / sum of the images.
        batch_size: images per rank and step.
        seed: of the order.
        rank: number of this process.
        world_size: number of processes.

    Raises:
        ValueError: if the weights are not one positive number per set, a set has no image, or the data do not fill a
            single global batch.
    """

    def __init__(
        self,
        parts: np.ndarray,
        weights: Sequence[float],
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(len(parts), batch_size, seed, rank, world_size)
        self.shares = shares_of(weights)
        counts = np.bincount(parts, minlength=len(self.shares))
        if len(counts) != len(self.shares):
            raise ValueError(f"weights={list(weights)} are {len(weights)}, but there are {len(counts)} sets: one each")
        if not counts.all():
            raise ValueError(
                f"weights={list(weights)}: no training image of set {int(counts.argmin())} is left to draw; "
                "leave that set out, or choose more identities"
            )
        self._cycle = IdentityCycle(parts)

    def images(self, seed: int) -> Images:
        """Any part of an epoch: how many images of each set its blocks have, is drawn first, then each block."""
        rng = np.random.default_rng(derive_seed(seed, 0))
        counts = rng.multinomial(BLOCK, self.shares, size=-(-self.total // BLOCK))
        before = np.cumsum(counts, axis=0) - counts

        @lru_cache(maxsize=1)  # what is asked next begins where this ended
        def block(number: int) -> NDArray[np.int64]:
            drawn = np.repeat(np.arange(len(self.shares)), counts[number])
            sets = np.random.default_rng(derive_seed(seed, 1, number)).permutation(drawn)
            return np.stack([sets, before[number][sets] + occurrence(sets, len(self.shares))])

        def images(places: NDArray[np.int64]) -> NDArray[np.int64]:
            numbers, inside = np.divmod(places, BLOCK)
            first = int(numbers.min())
            drawn = np.stack([block(number) for number in range(first, int(numbers.max()) + 1)])
            sets, turns = drawn[numbers - first, :, inside].T
            return self._cycle.draw(sets, turns, derive_seed(seed, 2))

        return images

    def settings(self) -> dict[str, Any]:
        """With the share of each set."""
        return {**super().settings(), "weights": self.shares.tolist()}


def shares_of(weights: Sequence[float]) -> np.ndarray:
    """Weights as fractions of their sum.

    Raises:
        ValueError: if there is none, or one is not positive.
    """
    values = np.asarray(weights, dtype=np.float64)
    if not len(values) or not np.isfinite(values).all() or not (values > 0).all():
        raise ValueError(f"weights={list(weights)}: each must be a positive number; leave a set of weight 0 out")
    shares: np.ndarray = values / values.sum()
    return shares
