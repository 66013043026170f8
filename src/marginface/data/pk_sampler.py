"""Batches of P identities with K images each.

Source: A. Hermans, L. Beyer, B. Leibe, "In Defense of the Triplet Loss for Person Re-Identification",
arXiv:1703.07737, section 2.
"""

import numpy as np

from marginface.data.identity_cycle import IdentityCycle
from marginface.data.sampler import BatchSampler


class PKSampler(BatchSampler):
    """Each rank's batch holds K images of each of P = batch_size / K identities.

    No identity is in two batches of one step, whatever the rank, so that a global batch of R ranks is one of P R
    identities. An epoch has as many batches as one of BatchSampler. It goes through the identities in random order,
    again and again (at the end of a pass, fewer than P R are left out), and each time takes the next K images of each.

    A resume on another number of processes sees exactly the remaining batches if batch_size times the processes
    stays what it was; otherwise the remaining number of images, of another draw.

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

    def order(self, seed: int) -> np.ndarray:
        """Global batches one after another, identity by identity."""
        rng = np.random.default_rng(seed)
        num_identities, per_step = len(self._cycle.counts), self.global_batch_size // self.num_images
        steps_per_pass = num_identities // per_step
        num_passes = -(-self.num_batches // steps_per_pass)
        passes = [rng.permutation(num_identities)[: steps_per_pass * per_step] for _ in range(num_passes)]
        identities = np.concatenate(passes)[: self.num_batches * per_step]
        return self._cycle.draw(np.repeat(identities, self.num_images), rng)

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
