"""Identity-disjoint cut of a labelled set.

Shapes: M samples.
"""

import numpy as np
from numpy.typing import NDArray


def split_identities(
    labels: NDArray[np.int64], num_validation_identities: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold out whole identities, so that no person is both trained on and validated on.

    Validation identities are drawn among those with at least 2 images (a genuine pair needs two).

    Args:
        labels: Class index of each sample, (M,) integers.
        num_validation_identities: Number of identities to hold out; 0 holds out none.
        seed: Seed of the draw; the same seed always gives the same split.

    Returns:
        Indices of the training samples, indices of the validation samples: int64, ascending, together 0..M-1.

    Raises:
        ValueError: `num_validation_identities` is negative, or more than the identities can give.
    """
    identities, counts = np.unique(labels, return_counts=True)
    eligible = identities[counts >= 2]
    # Training on one class only is meaningless, so two identities at least stay behind.
    most = max(0, min(len(eligible), len(identities) - 2))
    if not 0 <= num_validation_identities <= most:
        raise ValueError(
            f"num_validation_identities={num_validation_identities}, but of {len(identities)} identities "
            f"{len(eligible)} have the 2 images that validation needs, and training needs 2 identities: choose "
            f"num_validation_identities between 0 and {most}."
        )
    held_out = np.random.default_rng(seed).permutation(eligible)[:num_validation_identities]
    is_validation = np.isin(labels, held_out)
    return np.flatnonzero(~is_validation), np.flatnonzero(is_validation)


def relabel(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Renumber labels so that they are contiguous.

    Args:
        labels: Any integers, (M,).

    Returns:
        Labels 0..C-1 in the same order as the original values, (M,) int64; the number of classes C.
    """
    distinct, contiguous = np.unique(labels, return_inverse=True)
    return contiguous.astype(np.int64), len(distinct)
