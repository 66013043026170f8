"""Embeddings are merged and normalised when they are read, the same as all at once."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from marginface.embedding import Embeddings


def views(n: int = 7, dim: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, dim, generator=generator), torch.randn(n, dim, generator=generator)


MERGED = {"concat": lambda a, b: torch.cat([a, b], 1), "sum": lambda a, b: a + b, "none": lambda a, b: a}


@pytest.mark.parametrize("flip", MERGED)
def test_rows_are_both_views_merged_at_unit_length(flip: str) -> None:
    plain, flipped = views()
    embeddings = Embeddings.of(plain, flipped, flip)
    expected = normalize(MERGED[flip](plain, flipped))
    rows = embeddings.unit()
    assert (len(rows), rows.dim) == expected.shape
    torch.testing.assert_close(rows[0:7], expected)
    torch.testing.assert_close(rows[2:4], expected[2:4])
    torch.testing.assert_close(rows[5:99], expected[5:])
    chosen = torch.tensor([6, 0, 6])
    torch.testing.assert_close(rows[chosen], expected[chosen])
    torch.testing.assert_close(embeddings.unit(chosen)[1:3], expected[[0, 6]])
    for other in MERGED:
        torch.testing.assert_close(embeddings.unit(flip=other)[0:7], normalize(MERGED[other](plain, flipped)))


def test_one_view_is_what_there_is() -> None:
    plain, _ = views()
    embeddings = Embeddings.of(plain, flip="concat")
    torch.testing.assert_close(embeddings.plain, plain)
    torch.testing.assert_close(embeddings.flipped, plain)
    torch.testing.assert_close(embeddings.unit()[0:7], normalize(plain))
    with pytest.raises(ValueError, match=r"flip='sum' cannot be had.*1 view"):
        embeddings.unit(flip="sum")[0:1]


def test_a_zero_embedding_stays_zero() -> None:
    rows = Embeddings.of(torch.zeros(2, 3)).unit()
    assert torch.equal(rows[0:2], torch.zeros(2, 3))


def test_another_shape_or_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"float64 \(2, 1, 3\)"):
        Embeddings(np.zeros((2, 1, 3)))
    with pytest.raises(ValueError, match=r"\(2, 3, 3\)"):
        Embeddings(np.zeros((2, 3, 3), np.float32))
    with pytest.raises(ValueError, match="flip='mean' is unknown"):
        Embeddings(np.zeros((2, 2, 3), np.float32), "mean")
