"""Which samples make up each training batch of each rank, as a pure function of seed and epoch."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import DistributedSampler


class BatchRequest(NamedTuple):
    """One batch of one rank."""

    indices: np.ndarray  # (N,) int64 positions in the data set
    seed: int  # of the augmentation of this batch


class BatchSampler(DistributedSampler[BatchRequest]):
    """Yields one :class:`BatchRequest` per step.

    Global batch g is the slice ``[g B R, (g + 1) B R)`` of the epoch's permutation, of which rank r of R takes the r-th
    part of B. So one process with batch R B sees the same images per step as R processes with batch B. An incomplete
    last global batch is left out. Deriving from DistributedSampler tells Lightning that ranks are taken care of.
    Samplers of another kind override :meth:`order` alone; an epoch has the same number of batches with all of them.

    Args:
        num_samples: M.
        batch_size: B, images per rank and step.
        seed: seed of the permutations.
        rank: r.
        world_size: R.

    Raises:
        ValueError: if the data do not fill a single global batch.
    """

    def __init__(self, num_samples: int, batch_size: int, seed: int = 0, rank: int = 0, world_size: int = 1) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} is less than 1")
        self.global_batch_size = batch_size * world_size
        self.num_batches = num_samples // self.global_batch_size
        if self.num_batches == 0:
            raise ValueError(
                f"batch_size={batch_size} on {world_size} process(es) needs {self.global_batch_size} training images, "
                f"but there are {num_samples}; choose a smaller batch_size"
            )
        self.total, self.batch_size, self.seed = num_samples, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.epoch = 0
        self.start = 0  # batches of this epoch to leave out, after a resume in mid-epoch

    def __iter__(self) -> Iterator[BatchRequest]:
        """The requests of the current epoch, from ``start`` on; the next epoch starts at zero again."""
        start, self.start = self.start, 0
        order = self.order(derive_seed(self.seed, self.epoch))
        for step in range(start, self.num_batches):
            first = (step * self.world_size + self.rank) * self.batch_size
            seed = derive_seed(self.seed, self.epoch, step, self.rank)
            yield BatchRequest(order[first : first + self.batch_size], seed)

    def order(self, seed: int) -> np.ndarray:
        """Positions in the data set that the global batches of an epoch are cut from.

        Args:
            seed: of this epoch.

        Returns:
            At least ``num_batches * global_batch_size`` positions, int64; the same on all ranks.
        """
        return torch.randperm(self.total, generator=torch.Generator().manual_seed(seed)).numpy()

    def __len__(self) -> int:
        """Batches per epoch, whatever ``start`` is."""
        return self.num_batches

    def set_epoch(self, epoch: int) -> None:
        """Choose the permutation."""
        self.epoch = epoch


def derive_seed(*words: int) -> int:
    """One well-mixed 32-bit seed from several non-negative numbers."""
    return int(np.random.SeedSequence(words).generate_state(1)[0])
