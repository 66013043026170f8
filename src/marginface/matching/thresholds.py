"""Thresholds at tiny false accept rates, from the highest impostor scores alone."""

import math

from torch import Tensor

from marginface.matching.rows import TopScores


def num_needed(far: float, num_impostor: int) -> int:
    """Highest impostor scores that fix the threshold at a false accept rate: those accepted, and the next one."""
    return min(_num_accepted(far, num_impostor) + 1, num_impostor)


def supported(far: float, num_impostor: int) -> bool:
    """Whether there are impostor pairs enough for a false accept rate: at least one may be accepted."""
    return _num_accepted(far, num_impostor) >= 1


def cut_at_far(top: TopScores, far: float) -> float:
    """Highest score that must be rejected: accept a pair iff its score is above it, and at most ``far`` are wrong.

    Args:
        top: At least `num_needed` scores.
        far: False accept rate as a fraction.

    Raises:
        ValueError: ``far`` is no rate, there are too few impostor pairs for it, or ``top`` has too few of their scores.
    """
    if not 0 < far <= 1:
        raise ValueError(f"far={far:g} is no false accept rate: pass a fraction above 0, at most 1")
    if not supported(far, top.num_impostor):
        needed = math.ceil(1 / far * (1 - 1e-12))
        raise ValueError(
            f"far={far:g} needs at least {needed} impostor pairs, got {top.num_impostor}: choose a larger far"
        )
    accepted = _num_accepted(far, top.num_impostor)
    if accepted >= top.num_impostor:
        return -math.inf
    if accepted >= len(top.score):
        raise ValueError(f"far={far:g} needs {accepted + 1} scores, but top has {len(top.score)}: keep more")
    return float(top.score[accepted])


def accepted_share(score: Tensor, cut: float) -> float:
    """Share of scores above a cut."""
    return float((score > cut).double().mean())


def _num_accepted(far: float, num_impostor: int) -> int:
    # the product is rounded: 1e-3 * 1000 must be 1, 0.29 * 100 must be 29
    return math.floor(far * num_impostor * (1 + 1e-12))
