"""Which identities of a labelled set are trained on, which are validated on.

Shapes: M samples.
"""

import logging

import numpy as np
from numpy.typing import NDArray

from marginface.data.split import split_identities

log = logging.getLogger(__name__)


def choose_samples(
    labels: NDArray[np.int64],
    num_validation_identities: int = 0,
    min_images: int = 1,
    num_identities: int | None = None,
    seed: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Leave out small identities, hold some of the others out for validation, train on some of the rest.

    The held-out identities do not depend on `num_identities`, so that studies on subsets of several sizes are
    validated alike; with one seed, a smaller subset is part of a larger one.

    Args:
        labels: Class index of each sample, (M,) integers.
        num_validation_identities: Identities to hold out, see `split_identities`.
        min_images: Identities with fewer images are left out.
        num_identities: Identities to train on, drawn by lot; None for all that are left.
        seed: Seed of the draws.

    Returns:
        Indices of the training samples, indices of the validation samples: int64, ascending.

    Raises:
        ValueError: The identities are too few for that.
    """
    kept = _large_enough(labels, min_images)
    train, held_out = split_identities(labels[kept], num_validation_identities, seed)
    train, held_out = kept[train], kept[held_out]
    if num_identities is not None:
        train = train[_among_drawn(labels[train], num_identities, seed)]
    return train, held_out


def _large_enough(labels: NDArray[np.int64], min_images: int) -> NDArray[np.int64]:
    if min_images <= 1:
        return np.arange(len(labels))
    identities, counts = np.unique(labels, return_counts=True)
    large = identities[counts >= min_images]
    if len(large) < 2:
        raise ValueError(
            f"min_images_per_identity={min_images} leaves {len(large)} of {len(identities)} identities, and training "
            f"needs 2; the largest has {counts.max()} images: choose a smaller number"
        )
    log.info("min_images_per_identity=%d keeps %d of %d identities", min_images, len(large), len(identities))
    return np.flatnonzero(np.isin(labels, large))


def _among_drawn(labels: NDArray[np.int64], num_identities: int, seed: int) -> NDArray[np.bool_]:
    identities = np.unique(labels)
    if not 2 <= num_identities <= len(identities):
        raise ValueError(
            f"num_identities={num_identities}, but {len(identities)} identities are left to train on (after "
            f"min_images_per_identity and num_validation_identities): choose 2 to {len(identities)}, or null for all"
        )
    # A second word: the hold-out is drawn with the seed alone.
    drawn = np.random.default_rng((seed, 1)).permutation(identities)[:num_identities]
    return np.isin(labels, drawn)
