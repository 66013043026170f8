"""Batches in which every identity is equally likely, however many images it has."""

import numpy as np
from numpy.typing import NDArray

from marginface.data.sampler.base import BatchSampler, Images, derive_seed
from marginface.data.sampler.identity_cycle import IdentityCycle
from marginface.data.sampler.permutation import keys_of, permuted


class BalancedSampler(BatchSampler):
    """Goes through the identities in random order, again and again, and takes the next image of each.

    Every identity comes once before any comes again, and likewise the images of an identity. An epoch has as many
    images as one of BatchSampler: images of small identities come several times, of large ones some do not come. The
    ranks of a step share no image, unless the global batch is larger than the number of identities or an identity has
    only one image.

    Args:
        labels: (M,) identities of the training images, in [0, C).
        batch_size: images per rank and step.
        seed: of the order.
        rank: number of this process.
        world_size: number of processes.

    Raises:
        ValueError: if the data do not fill a single global batch.
    """

    def __init__(self, labels: np.ndarray, batch_size: int, seed: int = 0, rank: int = 0, world_size: int = 1) -> None:
        super().__init__(len(labels), batch_size, seed, rank, world_size)
        self._cycle = IdentityCycle(labels)

    def images(self, seed: int) -> Images:
        """Passes through all identities, one after another; each takes the next image of every identity."""
        num_identities = len(self._cycle.counts)
        order_seed, image_seed = derive_seed(seed, 0), derive_seed(seed, 1)

        def images(places: NDArray[np.int64]) -> NDArray[np.int64]:
            passes, slots = np.divmod(places, num_identities)
            identities = permuted(slots, num_identities, keys_of(order_seed, passes))
            return self._cycle.draw(identities, passes, image_seed)

        return images
