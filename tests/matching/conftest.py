"""Sets of rows for the tests of this folder."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))  # for the modules that stand beside these tests

from hard_rows import KINDS, Sides, sides_of


@pytest.fixture(params=list(KINDS))
def sides(request: pytest.FixtureRequest) -> Sides:
    """30 queries and 150 gallery rows of 8 identities, of each kind."""
    return sides_of(request.param)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles smaller than blocks."""
    monkeypatch.setattr("marginface.matching.tiles._TILE", 64)


@pytest.fixture
def coarse_products(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes ``torch.mm`` cut its factors off after some binary digits, as devices may when they are permitted to."""
    exact = torch.mm

    def cut(factor: Tensor, digits: int) -> Tensor:
        return (factor.contiguous().view(torch.int32) >> (23 - digits) << (23 - digits)).view(torch.float32)

    def become_coarse(digits: int) -> None:
        monkeypatch.setattr(torch, "mm", lambda a, b, out: out.copy_(exact(cut(a, digits), cut(b, digits))))

    return become_coarse
