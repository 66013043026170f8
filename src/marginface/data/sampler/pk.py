"""Batches of P identities with K images each.

Source: A. Hermans, L. Beyer, B. Leibe, "In Defense of the Triplet Loss for Person Re-Identification",
arXiv:1703.07737, section 2.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from marginface.data.sampler.base import BatchSampler, Images, derive_seed
from marginface.data.sampler.identity_cycle import IdentityCycle
from marginface.data.sampler.permutation import keys_of, permuted


class PKSampler(BatchSampler):
    """Each rank's batch holds K images of each of P = batch_size / K identities.

    No identity is in two batches of one step, whatever the rank, so that a global batch of R ranks is one of P R
    identities. An epoch has as many batches as one of BatchSampler. It goes through the identities in random order,
    again and again, and each time takes the next K images of each. A pass leaves out fewer than P R of them, with the K
    images that would have been theirs.

    Args:
        labels: (M,) identities of the training images, in [0, C).
        batch_size: images per rank and step, a multiple of K.
        seed: of the order.
        rank: number of this process.
        world_size: R, number of processes.
        num_images: K, images per identity.
        repeat: let identities of fewer than K images show some of them twice in a batch, instead of refusing them.

    Raises:
        ValueError: if an argument is out of its range, the identities are too few, or one has too few images.
    """

    def __init__(
        self,
        labels: np.ndarray,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        num_images: int = 4,
        repeat: bool = False,
    ) -> None:
        super().__init__(len(labels), batch_size, seed, rank, world_size)
        self._cycle = IdentityCycle(labels)
        self.num_images = num_images
        self._check_sizes()
        if not repeat:
            self._check_images()

    def images(self, seed: int) -> Images:
        """Global batches one after another, identity by identity; pass p takes the images p K to p K + K - 1."""
        num_identities, per_step = len(self._cycle.counts), self.global_batch_size // self.num_images
        per_pass = num_identities // per_step * per_step
        order_seed, image_seed = derive_seed(seed, 0), derive_seed(seed, 1)

        def images(places: NDArray[np.int64]) -> NDArray[np.int64]:
            groups, turns = np.divmod(places, self.num_images)
            passes, slots = np.divmod(groups, per_pass)
            identities = permuted(slots, num_identities, keys_of(order_seed, passes))
            return self._cycle.draw(identities, passes * self.num_images + turns, image_seed)

        return images

    def settings(self) -> dict[str, Any]:
        """With the images per identity."""
        return {**super().settings(), "num_images": self.num_images}

    def _check_sizes(self) -> None:
        if not 1 <= self.num_images <= self.batch_size or self.batch_size % self.num_images:
            raise ValueError(
                f"batch_size={self.batch_size} is no multiple of num_images={self.num_images}, the images per "
                "identity: change one of them"
            )
        num_identities, needed = len(self._cycle.counts), self.global_batch_size // self.num_images
        if needed > num_identities:
            raise ValueError(
                f"batch_size={self.batch_size} with num_images={self.num_images} on {self.world_size} process(es) "
                f"needs {needed} identities, but there are {num_identities}; choose a smaller batch_size or a larger "
                "num_images"
            )

    def _check_images(self) -> None:
        few = self._cycle.counts < self.num_images
        if few.any():
            raise ValueError(
                f"num_images={self.num_images}, but {few.sum()} of {len(few)} identities have fewer images (the "
                f"smallest {self._cycle.counts.min()}); leave them out (min_images_per_identity={self.num_images}), "
                "let their images repeat (repeat=true), or choose a smaller num_images"
            )
