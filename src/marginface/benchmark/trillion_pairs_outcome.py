"""Figures of Trillion Pairs from embeddings and labels.

Shapes: N images, Q probes, G gallery, P pairs, K kept scores.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from marginface.benchmark.megaface_identification import both_ways
from marginface.embedding import Embeddings
from marginface.matching import PairScores, TopScores, genuine_scores, row_tops, top_impostors
from marginface.outcome import Outcome
from marginface.outcome.rare_accepts import far_figures, hard_pairs, num_to_keep, rare_accepts


def trillion_pairs_outcome(
    embeddings: Embeddings,
    identity: Tensor,
    *,
    identification_fprs: Sequence[float],
    fprs: Sequence[float],
    num_bootstrap: int,
    excluded: Mapping[str, int],
) -> Outcome:
    """Identification and verification; their definitions are those of `marginface.benchmark.TrillionPairs`.

    Args:
        embeddings: Of N images.
        identity: Who is on each, (N,) int64; -1 for the gallery.
        identification_fprs: False positive rates of identification as fractions.
        fprs: False positive rates of verification as fractions.
        num_bootstrap: Number of resamples of an interval.
        excluded: What was left out, by reason.
    """
    probe, stranger = (kind.nonzero().flatten() for kind in (identity >= 0, identity < 0))
    who = identity[probe]
    probes, gallery = embeddings.unit(probe), embeddings.unit(stranger)
    pairs = genuine_scores(probes, who)
    best = row_tops(probes, gallery, num_kept=1)
    closest = PairScores(best.score[0, :, 0], torch.arange(len(probe)), best.gallery[0, :, 0])
    top = highest_of_all(embeddings, probe, stranger, closest, num_to_keep(fprs, len(probe) * len(stranger)))
    verified = rare_accepts(pairs.score, who[pairs.query], top, far_figures("tpr@fpr", fprs), num_bootstrap)
    searches = both_ways(pairs)
    found = rare_accepts(
        first_ranked(searches, closest),
        who[searches.query],
        falling(closest),
        far_figures("identification_tpr@fpr", identification_fprs),
        num_bootstrap,
    )
    curves = {"verification": verified.roc, "identification": found.roc}
    return Outcome(
        figures=found.figures | verified.figures,
        units=found.units | verified.units,
        roc={series: curve for series, curve in curves.items() if curve is not None},
        thresholds=verified.thresholds,
        hardest=hard_pairs(top, pairs, probe, stranger),
        unsupported=found.unsupported | verified.unsupported,
        excluded=dict(excluded),
    )


def highest_of_all(
    embeddings: Embeddings, probe: Tensor, stranger: Tensor, closest: PairScores, num_kept: int
) -> TopScores:
    """The highest scores of any probe with any stranger, without comparing all of them a second time.

    The K highest pairs lie in the K probes with the highest best score: no pair of another probe is above those K.

    Args:
        embeddings: Of N images.
        probe: Numbers of the images of probes, (Q,).
        stranger: Numbers of the images of the gallery, (G,).
        closest: The best stranger of each probe, (Q,).
        num_kept: K.
    """
    near = closest.score.topk(min(num_kept, len(probe))).indices.sort().values
    nobody = torch.full((len(stranger),), -1)
    rows, gallery = embeddings.unit(probe[near]), embeddings.unit(stranger)
    top = top_impostors(rows, torch.zeros_like(near), gallery, nobody, num_kept=num_kept)
    return top._replace(query=near[top.query], num_impostor=len(probe) * len(stranger))


def first_ranked(searches: PairScores, closest: PairScores) -> Tensor:
    """Score of each search, (P,); -inf where a stranger scores as high as the mate.

    Args:
        searches: Probe and mate in the gallery, (P,).
        closest: The best stranger of each probe, (Q,).
    """
    return searches.score.masked_fill(searches.score <= closest.score[searches.query], -torch.inf)


def falling(closest: PairScores) -> TopScores:
    """The best stranger of each probe, from the highest score down: what a search without a mate comes up with."""
    score, query = closest.score.sort(descending=True)
    return TopScores(score, query, closest.gallery[query], len(score))
