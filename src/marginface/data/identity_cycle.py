"""Images of an identity in turn: none comes again before all others of that identity have come.

Shapes: M samples, C identities, T draws.
"""

import numpy as np
from numpy.typing import NDArray


class IdentityCycle:
    """Shuffled images of every identity, handed out one after another.

    Args:
        labels: Identity of each sample, (M,) integers in [0, C), each of them present.

    Attributes:
        counts: Images of each identity, (C,) int64.
    """

    def __init__(self, labels: NDArray[np.int64]) -> None:
        self.labels = np.asarray(labels)
        self.counts = np.bincount(self.labels)
        self._starts = np.cumsum(self.counts) - self.counts

    def draw(self, identities: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """One sample for each request of an identity.

        Args:
            identities: The identity of each draw, (T,) integers in [0, C).
            rng: Shuffles the images of each identity.

        Returns:
            Samples, (T,) int64: the k-th request of an identity with n images gives its image k mod n, shuffled.
        """
        shuffled = rng.permutation(len(self.labels))
        members = shuffled[np.argsort(self.labels[shuffled], kind="stable")]
        turn = occurrence(identities, len(self.counts))
        return members[self._starts[identities] + turn % self.counts[identities]]


def occurrence(values: NDArray[np.int64], num_values: int) -> NDArray[np.int64]:
    """How often each value has come before, (T,) int64, for values (T,) in [0, num_values)."""
    order = np.argsort(values, kind="stable")
    counts = np.bincount(values, minlength=num_values)
    turn = np.empty(len(values), dtype=np.int64)
    turn[order] = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts)
    return turn
