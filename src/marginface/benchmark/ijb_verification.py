"""Verification of listed pairs of templates, millions of them.

Shapes: P pairs, T templates, G genuine pairs, I impostor pairs.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from marginface.data.benchmark_files.ijb import TemplatePairs
from marginface.embedding import Embeddings
from marginface.matching import num_needed, supported
from marginface.metric import far_name, groups_bootstrap
from marginface.outcome import HardPair, Histogram, Outcome, RocCurve, Threshold, Units
from marginface.outcome.pairs import RECOMMENDED_FARS

_CHUNK = 8192  # pairs whose features are gathered together
_MAX_CURVE_POINTS = 400
_NUM_BINS = 100
_NUM_HARDEST = 8  # of each kind

Scores = NDArray[np.float32]


class Genuine(NamedTuple):
    """What the genuine pairs are resampled by.

    Args:
        group: (G,) int64, in the order of the pairs.
        over: What the groups are, in words: ``identities`` or ``templates``.
    """

    group: NDArray[np.int64]
    over: str


def pair_scores(features: Embeddings, first: NDArray[np.int32], second: NDArray[np.int32]) -> Scores:
    """Cosine of each pair of templates.

    Args:
        features: T unit rows.
        first: Row of one template of each pair, (P,).
        second: Row of the other one, (P,).

    Returns:
        (P,) float32.
    """
    rows = features.plain.to(features.device)
    score = torch.empty(len(first))
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        left, right = (rows[torch.from_numpy(side[part]).to(rows.device, torch.int64)] for side in (first, second))
        score[part] = (left * right).sum(1).cpu()
    return score.numpy()


def verification_outcome(
    score: Scores,
    pairs: TemplatePairs,
    genuine: Genuine,
    image: NDArray[np.int64],
    *,
    fars: Sequence[float],
    num_bootstrap: int = 1000,
    excluded: Mapping[str, int] | None = None,
) -> Outcome:
    """True accept rates at false accept rates, exact: the threshold is an impostor score, and at most FAR lie above it.

    insightface reads the point of the curve whose FAR is nearest to the one named, lower or higher; where it is higher,
    that reading can be a little above the one given here. Intervals resample the genuine pairs by their groups at the
    threshold found; its own uncertainty is left out.

    Args:
        score: (P,).
        pairs: The pairs, as rows of templates; both kinds.
        genuine: How the genuine pairs are grouped.
        image: Number of the image to show for each template, (T,).
        fars: False accept rates as fractions.
        num_bootstrap: Number of resamples of an interval.
        excluded: What was left out, by reason.
    """
    genuine_score, impostor = score[pairs.same], np.sort(score[~pairs.same])
    figures, units, unsupported = {}, {}, {}
    for far in fars:
        name = f"tar@far={far_name(far)}"
        if not supported(far, len(impostor)):
            unsupported[name] = f"needs {1 / far:,.0f} impostor pairs, there are {len(impostor):,}"
            continue
        value = (genuine_score > _cut(impostor, far)).astype(np.float32)
        units[name] = Units(value, genuine.group)
        figures[name] = groups_bootstrap(
            *map(torch.from_numpy, units[name]), over=genuine.over, num_bootstrap=num_bootstrap
        )
    genuine_score.sort()
    return Outcome(
        figures=figures,
        units=units,
        roc={"": _roc(genuine_score, impostor)},
        histogram={"": _histogram(genuine_score, impostor)},
        thresholds=_thresholds(genuine_score, impostor),
        hardest=_hardest(score, pairs, image),
        unsupported=unsupported,
        excluded=excluded or {},
    )


def _cut(impostor: Scores, far: float) -> float:
    """Highest impostor score that is rejected; ``impostor`` rises."""
    return float(impostor[-num_needed(far, len(impostor))])


def _share_above(rising: Scores, cut: NDArray[np.floating]) -> NDArray[np.float64]:
    return (len(rising) - np.searchsorted(rising, cut, side="right")) / len(rising)


def _roc(genuine: Scores, impostor: Scores) -> RocCurve:
    """Points of the curve at numbers of false accepts that grow by a factor; both rise."""
    steps = np.geomspace(1, len(impostor), _MAX_CURVE_POINTS)
    rejected = np.unique(np.concatenate([[0], steps.round() - 1]).astype(np.int64))  # place from the highest down
    cut = np.append(impostor[len(impostor) - 1 - rejected], -np.float32(np.inf))
    far, tar = (np.append(0.0, _share_above(kind, cut)) for kind in (impostor, genuine))
    return RocCurve(far.tolist(), tar.tolist())


def _histogram(genuine: Scores, impostor: Scores) -> Histogram:
    """Pairs in equal bins of the cosine over [-1, 1]; both rise."""
    edges = np.linspace(-1, 1, _NUM_BINS + 1)
    inner = edges[1:-1].astype(np.float32)
    counts = (np.diff(np.searchsorted(kind, inner), prepend=0, append=len(kind)) for kind in (genuine, impostor))
    return Histogram(((edges[:-1] + edges[1:]) / 2).tolist(), *(count.astype(float).tolist() for count in counts))


def _thresholds(genuine: Scores, impostor: Scores) -> list[Threshold]:
    found = []
    for far in RECOMMENDED_FARS:
        if supported(far, len(impostor)):
            cut = _cut(impostor, far)
            found.append(Threshold(far, cut, float((genuine > cut).mean()), len(impostor)))
    return found


def _hardest(score: Scores, pairs: TemplatePairs, image: NDArray[np.int64]) -> list[HardPair]:
    """Impostor pairs with the highest scores, then genuine pairs with the lowest."""
    found = []
    for kind, worst in ((False, -np.inf), (True, np.inf)):
        candidate = torch.from_numpy(np.where(pairs.same == kind, score, np.float32(worst)))
        num_kept = min(_NUM_HARDEST, int((pairs.same == kind).sum()))
        for i in candidate.topk(num_kept, largest=not kind).indices.tolist():
            found.append(HardPair(int(image[pairs.first[i]]), int(image[pairs.second[i]]), float(score[i]), kind))
    return found
