"""Angular maths shared by the margin heads.

Shapes: N batch, D embedding. Angles are in radians. Everything here is safe at cosine = +-1, forward and backward.
"""

import math

import torch
from torch import Tensor

# arccos has an infinite slope at +-1. In fp32 the cosine is kept this far inside, which bounds the slope by about 2236.
COSINE_EPS = 1e-7


def normalize(x: Tensor, eps: float = 1e-12) -> tuple[Tensor, Tensor]:
    """Split rows into directions and lengths.

    Args:
        x: (N, D) rows.
        eps: rows shorter than this count as zero rows: direction zero, gradient zero, instead of a gradient of 1 / eps.

    Returns:
        (N, D) unit rows, and (N,) lengths whose gradient is the direction.
    """
    length = torch.linalg.vector_norm(x, dim=-1)
    nonzero = length > eps
    divisor = torch.where(nonzero, length, torch.ones_like(length))
    return x * (nonzero / divisor).unsqueeze(-1), length


def angle(cosine: Tensor) -> Tensor:
    """Arc cosine with a bounded derivative.

    Unlike ``acos(clamp(c))``, a cosine at or beyond +-1 still gets a (finite, correctly signed) gradient: clamping
    would silently drop it for exactly the samples that are worst (anti-parallel).

    Args:
        cosine: cosines of any shape; rounding may have pushed them slightly beyond [-1, 1].

    Returns:
        Angles in [0, pi], same shape.
    """
    inner = cosine.detach().clamp(-1 + COSINE_EPS, 1 - COSINE_EPS)
    slope = -torch.rsqrt(1 - inner * inner)
    value = torch.acos(cosine.detach().clamp(-1.0, 1.0))
    return value + slope * (cosine - cosine.detach())


def shifted_cosine(cosine: Tensor, margin: Tensor | float) -> Tensor:
    """``cos(theta + m)``, decreasing in theta over all of [0, pi].

    Where ``theta + m`` passes pi, the cosine would rise again and reward worse samples; there the value continues as
    ``cos(theta) - m sin(m)``, as the first (MXNet) code of ArcFace's authors did.

    Source: ArcFace, CVPR 2019, arXiv 1801.07698, equation 3.

    Args:
        cosine: cosines of any shape.
        margin: m in radians, in [0, pi/2]; a number, or of the same shape.

    Returns:
        Same shape as the cosines; at m = 0 the cosines themselves.
    """
    m = torch.as_tensor(margin, dtype=cosine.dtype, device=cosine.device)
    shifted = torch.cos(angle(cosine) + m)
    value = torch.where(cosine > -m.cos(), shifted, cosine - m * m.sin())
    return torch.where(m == 0, cosine, value)


def saturated_cosine(cosine: Tensor, factor: Tensor | float = 1.0, shift: float = 0.0) -> Tensor:
    """``cos(min(m theta + a, pi))``: the cosine of a larger (or smaller) angle, which stays at -1 from pi on.

    Source: SphereFace-R, TPAMI 2022, arXiv 2109.05565 (its second version multiplies, its third divides the angle);
    SphereFace2, ICLR 2022, arXiv 2108.01513 (types A and M).

    Args:
        cosine: cosines of any shape.
        factor: m > 0, a number or a scalar tensor.
        shift: a >= 0, in radians.

    Returns:
        Values in [-1, 1], same shape; without a slope where they stay at -1.
    """
    return torch.cos((factor * angle(cosine) + shift).clamp_max(math.pi))


def chebyshev(order: int, cosine: Tensor) -> Tensor:
    """Chebyshev polynomial T_m, so that ``T_m(cos(theta)) = cos(m * theta)`` without an arc cosine.

    Args:
        order: m >= 0.
        cosine: values of any shape.

    Returns:
        ``cos(m * arccos(cosine))``, same shape. Its derivative is a polynomial: no singularity anywhere.
    """
    previous, current = torch.ones_like(cosine), cosine
    if order == 0:
        return previous
    for _ in range(order - 1):
        previous, current = current, 2 * cosine * current - previous
    return current


def sphere_psi(cosine: Tensor, margin: Tensor | float) -> Tensor:
    """The monotone extension psi of ``cos(m * theta)`` to [0, pi].

    ``psi(theta) = (-1)^k cos(m theta) - 2k`` for theta in ``[k pi / m, (k + 1) pi / m]``. For a whole number m the
    branch k is found by comparing cosines with ``cos(i pi / m)``, which makes the formula polynomial within each
    branch. A real m, or one that is a tensor, needs the angle.

    Source: SphereFace, CVPR 2017, arXiv 1704.08063, equation 7; real m: SphereFace-R, TPAMI 2022, arXiv 2109.05565.

    Args:
        cosine: cosines of any shape.
        margin: m >= 1, a number or a scalar tensor.

    Returns:
        psi, same shape; in [1 - 2m, 1] for a whole number m.
    """
    if isinstance(margin, Tensor) or not float(margin).is_integer():
        return _psi_of_angle(margin * angle(cosine))
    order = int(margin)
    branch = torch.zeros_like(cosine)
    for i in range(1, order):
        branch = branch + (cosine.detach() <= math.cos(i * math.pi / order)).to(cosine.dtype)
    sign = 1 - 2 * (branch % 2)
    return sign * chebyshev(order, cosine) - 2 * branch


def _psi_of_angle(multiple: Tensor) -> Tensor:
    """``(-1)^k cos(phi) - 2k`` with ``k = floor(phi / pi)``, for ``phi = m theta >= 0``."""
    branch = (multiple.detach() / math.pi).floor()
    return (1 - 2 * (branch % 2)) * torch.cos(multiple) - 2 * branch


def sphere_psi_slope(cosine: Tensor, margin: int) -> Tensor:
    """Derivative of :func:`sphere_psi` with respect to the cosine, ``m |sin(m theta)| / sin(theta)``.

    Args:
        cosine: cosines of any shape.
        margin: the integer m >= 1.

    Returns:
        Slopes in [0, m^2], same shape; m |U_{m-1}(cosine)| with U the Chebyshev polynomials of the second kind.
    """
    previous, current = torch.zeros_like(cosine), torch.ones_like(cosine)
    for _ in range(margin - 1):
        previous, current = current, 2 * cosine * current - previous
    return margin * current.abs()
