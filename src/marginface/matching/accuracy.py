"""How far the product of two blocks of rows can be from the scores that it stands for.

Shapes: M rows, D embedding.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marginface.hardware import multiplies_bf16
from marginface.matching.operands import Operands
from marginface.matching.rows import Rows

_PART = 512  # rows whose lengths are taken together, so that they stay in the cache
_TINY = 2.0**-100  # what is lost where numbers get too small; keeps the error above 0 where all rows are 0


class Accuracy(NamedTuple):
    """What is known of a product for certain.

    Args:
        dtype: Of factors and products.
        error: Largest difference between a score and its product, before that is rounded to ``dtype``.
    """

    dtype: torch.dtype
    error: float

    def reach(self, product: Tensor) -> Tensor:
        """Lowest product that can stand for a score as high as one whose product is given, in ``dtype``.

        Both are off: the given one may stand for a lower score, and the one looked for may be too low itself. As
        rounding keeps the order, the last step needs no allowance of its own.
        """
        wide = product.double()
        return (wide - torch.finfo(self.dtype).eps * wide.abs() - 2 * self.error).to(self.dtype)


@torch.no_grad()
def accuracy(sides: Operands, *, screen: bool | None = None) -> Accuracy:
    """How products of these rows are computed, with their error; looks at every row once.

    The factors' rounding changes x y by at most \\|dx\\| \\|y\\| + \\|x + dx\\| \\|dy\\| (Cauchy-Schwarz), where for
    bf16 factors dx is known; summing D products in float32 in any order adds at most D 2^-24 \\|x\\| \\|y\\| to first
    order (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), here twice that, for sums that cut off.

    Args:
        sides: What is compared.
        screen: Whether to multiply in bf16; None where the device has instructions for it.

    Raises:
        ValueError: A row is not finite.
    """
    screen = multiplies_bf16(sides.device) if screen is None else screen
    dtype = torch.bfloat16 if screen else torch.float32
    dim = sides.query[0:1].shape[1] if len(sides.query) else 0
    coarse = 0.0 if screen or not dim else float32_change(sides.device, dim)
    length, change = _extent("query", sides.query, sides, screen)
    other, other_change = (length, change) if sides.triangle else _extent("gallery", sides.gallery, sides, screen)
    change, other_change = change + coarse * length, other_change + coarse * other
    summing = (2 * dim + 8) * 2.0**-24 * (length + change) * (other + other_change)
    rounding = change * other + (length + change) * other_change
    return Accuracy(dtype, rounding + summing + _TINY)


def float32_change(device: torch.device, dim: int) -> float:
    """By what share the factors of a float32 product are changed before they are multiplied.

    Nothing, or as much as ``torch.set_float32_matmul_precision`` permits and this device makes use of: at most 2^-10 to
    get TF32, 2^-7 to get bf16, even where digits are cut off. It is tried out, with factors whose digits show in the
    result.
    """
    digits = {0.0: 2.0**-9 + 2.0**-14 + 2.0**-19, 2.0**-10: 2.0**-9}
    factor, product = torch.zeros(256, dim, device=device), torch.empty(256, 256, device=device)
    for change, digit in digits.items():
        factor[:, dim // 2] = 1 + digit
        torch.mm(factor, factor.T, out=product)
        if float((product.double() - (1 + digit) ** 2).abs().max()) < 2.0**-22:
            return change
    return 2.0**-7


def _extent(name: str, rows: Rows, sides: Operands, screen: bool) -> tuple[float, float]:
    """Length of the longest row, and of the largest change of a row by rounding to bf16 if that is done."""
    longest = change = 0.0
    for start in range(0, len(rows), sides.block):
        block = rows[start : min(start + sides.block, len(rows))].to(sides.device, torch.float32)
        lengths = torch.cat([torch.linalg.vector_norm(part, dim=1) for part in torch.split(block, _PART)])
        wrong = (~torch.isfinite(lengths)).nonzero()
        if len(wrong):
            raise ValueError(
                f"{name} has rows that are not finite, the first is row {start + int(wrong[0])}: leave them out"
            )
        longest = max(longest, float(lengths.max()))
        if screen:
            changes = [
                torch.linalg.vector_norm(part - part.bfloat16(), dim=1).max() for part in torch.split(block, _PART)
            ]
            change = max(change, float(torch.stack(changes).max()))
    slack = 1 + 2.0**-12  # these lengths are rounded too
    return longest * slack, change * slack
