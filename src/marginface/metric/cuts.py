"""Rules that choose a threshold on training pairs, for all folds of a cross-validation at once.

A rule takes ``score`` (S, P), ``same`` (P,) bool and ``fold`` (P,), and returns the threshold of each fold, (F,), which
it chooses on the pairs outside the fold; a pair is the same iff its score exceeds it.

Shapes: P pairs, F folds, S rows of scores (F, or 1 where all folds see the same scores), B cuts, K distinct scores.
"""

import torch
from torch import Tensor
from torch.nn import functional

from marginface.metric.folds import seen_by_own_fold, training_pairs

_SPHEREFACE_CUTS = torch.arange(-10_000, 10_001, dtype=torch.float64) / 10_000
_INSIGHTFACE_CUTS = torch.arange(400, dtype=torch.float64) * 0.01  # as numpy.arange(0, 4, 0.01), bit for bit


def mean_of_best_grid_cuts(score: Tensor, same: Tensor, fold: Tensor) -> Tensor:
    """Mean of all thresholds of the grid -1, -0.9999 ... 1 that tie for the most pairs judged right."""
    cut = _SPHEREFACE_CUTS.to(score.device)
    gain = _gain(torch.searchsorted(cut, score.contiguous()), same, fold, len(cut))
    return torch.stack([cut[row == row.max()].mean() for row in gain])


def first_best_distance_cut(score: Tensor, same: Tensor, fold: Tensor) -> Tensor:
    """Smallest distance of the grid 0, 0.01 ... 3.99 with the most pairs judged right, negated as the scores are."""
    cut = -_INSIGHTFACE_CUTS.to(score.device).flip(0)
    gain = _gain(torch.searchsorted(cut, score.contiguous()), same, fold, len(cut))
    return cut.flip(0)[gain.flip(1).argmax(1)]  # in the order of rising distance; argmax takes the first of equals


def first_best_exact_cut(score: Tensor, same: Tensor, fold: Tensor) -> Tensor:
    """Lowest of the cuts with the most pairs judged right.

    The cuts are -inf, the points half-way between neighbouring distinct training scores, and +inf, from the lowest up.
    """
    level, place = torch.unique(score, return_inverse=True)
    gain = functional.pad(_gain(place, same, fold, len(level)), (1, 0))  # with the levels below k rejected, (F, K + 1)
    below = functional.pad(level, (1, 0), value=-torch.inf)[gain.argmax(1)]  # where the gain has just risen
    above = torch.where(training_pairs(fold) & (score > below[:, None]), score, torch.inf).amin(1)
    middle = below + (above - below) / 2
    apart = (below < middle) & (middle < above)  # neighbouring floats have none between them
    return torch.where(apart, middle, torch.where(above.isinf(), above, below))


def _gain(place: Tensor, same: Tensor, fold: Tensor, num_cuts: int) -> Tensor:
    """Training pairs judged right at each of the rising cuts, less those judged right where all are accepted, (F, B).

    One histogram instead of cuts x pairs comparisons. ``place`` (S, P) is the number of cuts that accept a pair.
    """
    change = 1.0 - 2.0 * same.double()  # when the cut passes an impostor pair, a genuine pair
    row = torch.arange(len(place), device=place.device)[:, None]
    everything = _histogram(place, row, change.expand_as(place), num_cuts + 1, len(place))
    own = _histogram(seen_by_own_fold(place, fold), fold, change, num_cuts + 1, int(fold.max()) + 1)
    return (everything - own).cumsum(1)[:, :num_cuts]


def _histogram(place: Tensor, row: Tensor, weight: Tensor, num_bins: int, num_rows: int) -> Tensor:
    total = torch.bincount((row * num_bins + place).flatten(), weight.flatten(), minlength=num_rows * num_bins)
    return total.reshape(num_rows, num_bins)
