"""How many images classes have, and how bright and sharp they are.

Shapes: N images, C classes.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

QUANTILES = (0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)


def class_sizes(labels: NDArray[np.int64], num_classes: int) -> dict[str, float]:
    """Images per class.

    Args:
        labels: (N,) int64 in [0, num_classes).
        num_classes: C.
    """
    count = np.bincount(labels, minlength=num_classes)
    return {
        "num_empty": float((count == 0).sum()),
        "num_single": float((count == 1).sum()),
        "mean": float(count.mean()),
        **spread(count),
    }


def size_histogram(labels: NDArray[np.int64]) -> Mapping[str, int]:
    """Number of classes by their number of images, in bins that double: ``1``, ``2-3``, ``4-7``, ..."""
    count = np.bincount(labels)
    power = np.floor(np.log2(count[count > 0])).astype(np.int64)
    bins = np.bincount(power)
    return {f"{2**p}-{2 ** (p + 1) - 1}" if p else "1": int(number) for p, number in enumerate(bins)}


def spread(values: NDArray[np.generic]) -> dict[str, float]:
    """Quantiles of finite values, by name: ``min``, ``1%``, ..., ``median``, ..., ``max``."""
    numbers = np.asarray(values, np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return {}
    names = {0.0: "min", 0.5: "median", 1.0: "max"}
    return {
        names.get(q, f"{q:.0%}"): float(value)
        for q, value in zip(QUANTILES, np.quantile(numbers, QUANTILES), strict=True)
    }
