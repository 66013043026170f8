"""Order of an epoch that walks through blocks of images, with several blocks mixed at any time.

Shapes: M images, n = ceil(M / block_size) blocks, K blocks that are mixed, T places in the epoch.
"""

import numpy as np
from numpy.typing import NDArray

from marginface.data.sampler.base import derive_seed
from marginface.data.sampler.permutation import keys_of, permuted


class BlockWalk:
    """Blocks come in random order. Each is dealt out to K rounds: the b-th of the order to rounds b to b + K - 1 mod n.

    So a round has as many images as a block: its slot v, of K parts of slots, is filled from slot v of the block that
    is in this part of its way. The images of a block are in random order in its slots, and those of a round in the
    epoch. The last block in the storage may lack slots, and the rounds too that it would fill them in.

    Args:
        total: M.
        block_size: Images that lie side by side and are read together.
        num_blocks: K; n where there are fewer.
        seed: Of all permutations.

    Attributes:
        blocks: The order of the blocks, (n,).
        starts: Place in the epoch of the first image of each round, and M, (n + 1,).
        width: K.
    """

    def __init__(self, total: int, block_size: int, num_blocks: int, seed: int) -> None:
        num_all = -(-total // block_size)
        self.total, self.block_size, self.width = total, block_size, min(num_blocks, num_all)
        self.blocks = np.random.default_rng(seed).permutation(num_all)
        self._seeds = derive_seed(seed, 0), derive_seed(seed, 1)  # of the rounds, of the blocks
        self._cuts = np.arange(self.width + 1) * block_size // self.width  # of the slots into parts
        last_size = total - (num_all - 1) * block_size
        rounds = (self.blocks.argmax() + np.arange(self.width)) % num_all  # that the last block is dealt to
        sizes = np.full(num_all, block_size)
        sizes[rounds] -= self._cuts[1:] - np.clip(last_size, self._cuts[:-1], self._cuts[1:])
        self._gaps = np.full(num_all, block_size)  # slot of each round before which none lacks
        self._gaps[rounds] = np.maximum(last_size, self._cuts[:-1])
        self.starts = np.concatenate([[0], np.cumsum(sizes)])

    def round_of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The round that each place (T,) of the epoch is in."""
        rounds: NDArray[np.int64] = self.starts.searchsorted(places, side="right") - 1
        return rounds

    def images(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """The image at each place (T,) of the epoch."""
        rounds = self.round_of(places)
        sizes = self.starts[rounds + 1] - self.starts[rounds]
        slots = permuted(places - self.starts[rounds], sizes, keys_of(self._seeds[0], rounds))
        slots += np.where(slots >= self._gaps[rounds], self.block_size - sizes, 0)
        parts = self._cuts.searchsorted(slots, side="right") - 1
        blocks = self.blocks[(rounds - parts) % len(self.blocks)]
        firsts = blocks * self.block_size
        inside = permuted(slots, np.minimum(self.block_size, self.total - firsts), keys_of(self._seeds[1], blocks))
        found: NDArray[np.int64] = firsts + inside
        return found

    def span(self, place: int) -> tuple[int, int]:
        """First image, and the one after the last, of a block, by its place in the order of blocks (modulo n)."""
        first = int(self.blocks[place % len(self.blocks)]) * self.block_size
        return first, min(first + self.block_size, self.total)
