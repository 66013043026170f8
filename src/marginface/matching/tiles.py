"""Products of all rows with all rows, tile after tile, in one buffer that lasts.

Shapes: R rows and C columns of a tile, L columns of a group.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from marginface.matching.accuracy import Accuracy
from marginface.matching.operands import Operands

GROUP = 64  # columns that are looked at together
_TILE, _GPU_TILE = 2048, 8192  # on a CPU a tile stays in the cache between its product and the look at it


class Tile(NamedTuple):
    """Products of some queries with some rows of the gallery.

    Args:
        first: Row of the first query.
        second: Row of the gallery of the first column.
        product: (R, C), overwritten by the next tile; C is a multiple of `GROUP`, and -inf stands past the end.
    """

    first: int
    second: int
    product: Tensor


class Walk:
    """Goes over the tiles of some queries.

    Args:
        sides: What is compared.
        accuracy: How it is multiplied.
    """

    def __init__(self, sides: Operands, accuracy: Accuracy) -> None:
        self.sides, self.accuracy = sides, accuracy
        largest = _TILE if sides.device.type == "cpu" else _GPU_TILE
        self._gallery_block = _whole_groups(sides.block)
        self._rows = min(largest, sides.block, max(1, len(sides.query)))
        self._columns = min(largest, self._gallery_block, _whole_groups(len(sides.gallery)))
        self._buffer = torch.empty(self._rows * self._columns, dtype=accuracy.dtype, device=sides.device)

    def query_blocks(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Queries that are read together: the first, and the one after the last."""
        block = self.sides.block
        return ((first, min(first + block, stop)) for first in range(start, stop, block))

    def tiles(self, start: int, stop: int, end: int | None = None) -> Iterator[Tile]:
        """Tiles of a block of queries; those of one query come in the order of the gallery.

        In a triangle, tiles without any pair i < j are left out.

        Args:
            start: First query.
            stop: Query after the last.
            end: Row of the gallery after the last; None for all.
        """
        sides, dtype, block = self.sides, self.accuracy.dtype, self._gallery_block
        end = len(sides.gallery) if end is None else end
        left = sides.queries(start, stop).to(dtype)
        for second in range(start // block * block if sides.triangle else 0, end, block):
            right = sides.galleries(second, min(second + block, end)).to(dtype)
            num_columns = len(right)
            if num_columns % GROUP:
                right = functional.pad(right, (0, 0, 0, _whole_groups(num_columns) - num_columns))
            for row in range(0, len(left), self._rows):
                for column in range(0, num_columns, self._columns):
                    if sides.triangle and second + column + self._columns <= start + row + 1:
                        continue
                    above, below = left[row : row + self._rows], right[column : column + self._columns]
                    out = self._buffer[: len(above) * len(below)].view(len(above), len(below))
                    _multiply(above, below, out)
                    out[:, num_columns - column :] = -torch.inf
                    yield Tile(start + row, second + column, out)


def at_least(product: Tensor, bound: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where a tile reaches a bound; quick where few products do, because only the largest of each group is compared.

    Args:
        product: (R, C), C a multiple of `GROUP`.
        bound: () or (R, 1), of the same dtype.

    Returns:
        Row, column and product of each, row after row.
    """
    groups = torch.unflatten(product, 1, (-1, GROUP))
    reached = (_highest(groups, bound) >= bound).flatten().nonzero().squeeze(1)
    found = groups.reshape(-1, GROUP).index_select(0, reached)
    row, group = reached // groups.shape[1], reached % groups.shape[1]
    which, within = (
        (found >= (bound[row] if bound.ndim else bound)).logical_and_(found > -torch.inf).nonzero(as_tuple=True)
    )
    return row[which], group[which] * GROUP + within, found[which, within]


def _multiply(left: Tensor, right: Tensor, out: Tensor) -> None:
    if not (out.is_cuda and out.dtype == torch.bfloat16):
        torch.mm(left, right.T, out=out)
        return
    settings = torch.backends.cuda.matmul
    permitted = settings.allow_bf16_reduced_precision_reduction
    settings.allow_bf16_reduced_precision_reduction = False  # it would round sums on their way, without a known bound
    try:
        torch.mm(left, right.T, out=out)
    finally:
        settings.allow_bf16_reduced_precision_reduction = permitted


def _highest(groups: Tensor, bound: Tensor) -> Tensor:
    if groups.dtype == torch.bfloat16 and groups.device.type == "cpu" and bool((bound > 0).all()):
        # as whole numbers, bf16 above zero keep their order and stay above all others: three times as fast
        return groups.view(torch.int16).amax(-1).view(torch.bfloat16)
    return groups.amax(-1)


def _whole_groups(number: int) -> int:
    return (number + GROUP - 1) // GROUP * GROUP
