"""Batches that walk through the storage in large blocks, for spinning and network disks.

Shapes: M images, n = ceil(M / block_size) blocks, K = num_blocks.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from marginface.data.sampler.base import BatchRequest, BatchSampler, Images, derive_seed
from marginface.data.sampler.block_walk import BlockWalk

Span = tuple[int, int]


class BlockRequest(BatchRequest):
    """A batch, with the positions (first, end) of blocks that batches after it will be taken from."""

    ahead: tuple[Span, ...]

    def __new__(cls, indices: np.ndarray, seed: int, ahead: tuple[Span, ...] = ()) -> "BlockRequest":
        """Make one; the first two fields are those of the base."""
        request = super().__new__(cls, indices, seed)
        request.ahead = ahead
        return request


class SequentialSampler(BatchSampler):
    """Reads blocks of images that lie side by side, in random order, and mixes each with its neighbours in that order.

    An epoch takes n rounds of `block_size` images. Each mixes K blocks in equal parts, and needs one block more from
    the disk than the round before (see :mod:`~marginface.data.sampler.block_walk`); K - 1 blocks that an epoch begins
    with are read again at its end. K + 1 blocks have to fit in the memory that the system uses for files: 360 MB
    with the defaults and images of 5.5 KB. A request names the block that is needed one block's images later, for the
    worker to ask the system for it while others are decoded.

    How well it mixes: shards that were written with `shuffle` (src/prepare.py, step=convert) mix as if all was
    shuffled. In a pack the images of an identity stand side by side: of CASIA-WebFace's 10,572 identities of 46 images,
    64 blocks of 1,024 hold 1,400. A batch of 512 then shows 434 identities, 500 when all is shuffled, and all images of
    an identity come within an eighth of the epoch. More `num_blocks` mix better, for more memory; from n on, each round
    is a sample of all.

    Positions are in the order of the storage for packs (in the order of their keys, as all writers but a shuffled
    im2rec list make them), shards, and rows of a data set; of single files nothing says where the disk has them.

    Blocks are not dealt out to the ranks: the order of an epoch would then depend on the number of processes, and a
    resume on another number would repeat some images and miss others. Processes of one machine share what one of them
    has read. Each of several machines reads the whole set, in the same order at the same time, which a file server
    answers from its memory.

    A resume continues exactly, with the blocks of its window read again; `block_size` and `num_blocks` must stay.

    Args:
        labels: (M,) of the training images, of which the number matters only.
        batch_size: images per rank and step.
        seed: of the order.
        rank: number of this process.
        world_size: number of processes.
        block_size: images per block; 1,024 take a disk of 150 MB/s 40 ms, four times as long as to find them.
        num_blocks: K, blocks that are mixed.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        labels: np.ndarray,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        block_size: int = 1024,
        num_blocks: int = 64,
    ) -> None:
        super().__init__(len(labels), batch_size, seed, rank, world_size)
        for name, value in (("block_size", block_size), ("num_blocks", num_blocks)):
            if value < 1:
                raise ValueError(f"{name}={value} is less than 1")
        self.block_size, self.num_blocks = block_size, num_blocks

    def __iter__(self) -> Iterator[BatchRequest]:
        """The requests of the current epoch; the first announces all that the window holds, the others what follows."""
        walk = self._walk(derive_seed(self.seed, self.epoch))
        rounds, start = len(walk.blocks), self.start
        following = int(walk.round_of(np.array(start * self.global_batch_size))) + 1
        spans = [walk.span(following - place) for place in range(walk.width, 0, -1)]
        for step, request in enumerate(super().__iter__(), start):
            until = (step + 1) * self.global_batch_size + self.block_size
            while following < rounds and walk.starts[following] < until:
                spans.append(walk.span(following))
                following += 1
            yield BlockRequest(*request, ahead=tuple(spans))
            spans = []

    def images(self, seed: int) -> Images:
        """Any part of the walk through the blocks."""
        return self._walk(seed).images

    def settings(self) -> dict[str, Any]:
        """With the sizes of the blocks."""
        return {**super().settings(), "block_size": self.block_size, "num_blocks": self.num_blocks}

    def _walk(self, seed: int) -> BlockWalk:
        return BlockWalk(self.total, self.block_size, self.num_blocks, seed)
