import numpy as np
import pytest

from marginface.audit.statistics import class_sizes, size_histogram, spread


def test_class_sizes() -> None:
    labels = np.array([0] * 5 + [1] + [3] * 6 + [4] * 2)
    sizes = class_sizes(labels, 5)
    assert (sizes["num_empty"], sizes["num_single"], sizes["min"], sizes["median"], sizes["max"]) == (1, 1, 0, 2, 6)
    assert sizes["mean"] == pytest.approx(14 / 5)
    assert size_histogram(labels) == {"1": 1, "2-3": 1, "4-7": 2}
    assert sum(size_histogram(labels).values()) == 4


def test_the_spread_passes_over_what_is_not_finite() -> None:
    assert spread(np.array([np.nan, 1.0, 3.0]))["median"] == 2
    assert spread(np.array([np.nan])) == {}
