"""Embeddings that do not suit a benchmark are refused."""

import numpy as np
import pytest

from marginface.benchmark.usable import require_usable
from marginface.embedding import Embeddings


def test_number_and_finiteness() -> None:
    rows = np.ones((5000, 2, 3), np.float32)
    names = [f"face {number}" for number in range(5000)]
    require_usable(Embeddings(rows), names)
    with pytest.raises(ValueError, match="5000 embeddings for 4999 images"):
        require_usable(Embeddings(rows), names[1:])
    rows[4500, 1, 2], rows[4700, 0, 0] = np.inf, np.nan
    with pytest.raises(ValueError, match="2 of the 5000 embeddings are not finite, the first is that of face 4500"):
        require_usable(Embeddings(rows), names)
