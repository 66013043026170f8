"""Rows that are hard to sort, in each of the ways that occur."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

DIM = 12


class Sides(NamedTuple):
    """Rows and identities of both sides."""

    query: Tensor
    query_identity: Tensor
    gallery: Tensor
    gallery_identity: Tensor


def plain(num: int, generator: torch.Generator) -> Tensor:
    return functional.normalize(torch.randn(num, DIM, generator=generator))


def repeated(num: int, generator: torch.Generator) -> Tensor:
    """A few rows, each often, the same on both sides."""
    few = functional.normalize(torch.randn(12, DIM, generator=torch.Generator().manual_seed(1)))
    return few[torch.randint(0, len(few), (num,), generator=generator)]


def whole(num: int, generator: torch.Generator) -> Tensor:
    """Quarters, not of unit length: products are exact and often equal."""
    return torch.randint(-2, 3, (num, DIM), generator=generator) / 4


def zeros(num: int, generator: torch.Generator) -> Tensor:
    """All rows are zero: every pair is tied, and products have no error."""
    return torch.zeros(num, DIM)


def close(num: int, generator: torch.Generator) -> Tensor:
    """Nearly one row: scores lie closer together than products are accurate."""
    return functional.normalize(torch.ones(1, DIM) + 1e-3 * torch.randn(num, DIM, generator=generator))


KINDS: dict[str, Callable[[int, torch.Generator], Tensor]] = {
    kind.__name__: kind for kind in (plain, repeated, whole, zeros, close)
}


def sides_of(kind: str, num_query: int = 30, num_gallery: int = 150, num_identities: int = 8) -> Sides:
    """Both sides, the same at every call."""
    generator = torch.Generator().manual_seed(0)
    parts = []
    for num in (num_query, num_gallery):
        parts += [KINDS[kind](num, generator), torch.randint(0, num_identities, (num,), generator=generator)]
    return Sides(*parts)


def assert_same(found: Iterable[object], expected: Iterable[object]) -> None:
    """Exactly the same scores, rows and counts."""
    for ours, theirs in zip(found, expected, strict=True):
        if isinstance(theirs, Tensor):
            assert isinstance(ours, Tensor)
            assert ours.dtype == theirs.dtype
            assert torch.equal(ours, theirs)
        else:
            assert ours == theirs
