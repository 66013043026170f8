"""Images of an identity in turn: none comes again before all others of that identity have come.

Shapes: M samples, C identities, T draws.
"""

import numpy as np
from numpy.typing import NDArray

from marginface.data.sampler.permutation import keys_of, permuted


class IdentityCycle:
    """Shuffled images of every identity, handed out one after another; of each draw only itself is computed.

    Args:
        labels: Identity of each sample, (M,) integers in [0, C), each of them present.

    Attributes:
        counts: Images of each identity, (C,) int64.
    """

    def __init__(self, labels: NDArray[np.int64]) -> None:
        labels = np.asarray(labels)
        self.counts = np.bincount(labels)
        self._starts = np.cumsum(self.counts) - self.counts
        # Packs are in the order of their labels: then each sample stands where it would be sorted to.
        in_order = bool((labels[1:] >= labels[:-1]).all())
        self._members = None if in_order else _sorted(labels)

    def draw(self, identities: NDArray[np.int64], turns: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """One sample for each request of an identity.

        Args:
            identities: The identity of each draw, (T,) integers in [0, C).
            turns: How many draws of that identity come before, (T,) int64.
            seed: In [0, 2^32); shuffles the images of each identity.

        Returns:
            Samples, (T,) int64: the k-th request of an identity with n images gives its image k mod n, shuffled.
        """
        counts = self.counts[identities]
        places = self._starts[identities] + permuted(turns % counts, counts, keys_of(seed, identities))
        return places if self._members is None else self._members[places].astype(np.int64)


def _sorted(labels: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """Samples by their label, (M,), in a type no larger than needed: it lasts as long as the sampler."""
    return np.argsort(labels, kind="stable").astype(np.min_scalar_type(len(labels)))


def occurrence(values: NDArray[np.int64], num_values: int) -> NDArray[np.int64]:
    """How often each value has come before, (T,) int64, for values (T,) in [0, num_values)."""
    order = np.argsort(values, kind="stable")
    counts = np.bincount(values, minlength=num_values)
    turn = np.empty(len(values), dtype=np.int64)
    turn[order] = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts)
    return turn
