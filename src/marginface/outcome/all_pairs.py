"""Outcome of verification over all pairs of a probe and a gallery row.

Shapes: Q probes, G gallery rows, D embedding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from marginface.matching import Rows, genuine_scores, top_impostors
from marginface.outcome.outcome import Outcome
from marginface.outcome.rare_accepts import far_figures, num_to_keep, rare_accepts


def all_pairs_outcome(
    probe: Rows,
    identity: Tensor,
    gallery: Rows,
    gallery_identity: Tensor,
    *,
    fars: Sequence[float],
    num_bootstrap: int,
) -> Outcome:
    """``tar@far=...`` at exact thresholds, which are recommended, and the curve between them.

    Intervals resample the probes' identities; the thresholds stay as they are.

    Args:
        probe: (Q, D) unit rows.
        identity: Of each probe, (Q,) int64, not below 0; one has a gallery row at least.
        gallery: (G, D) unit rows.
        gallery_identity: Of each gallery row, (G,) int64, not below 0.
        fars: False accept rates as fractions.
        num_bootstrap: Number of resamples of an interval.
    """
    num_kept = num_to_keep(fars, num_impostors(identity, gallery_identity))
    top = top_impostors(probe, identity, gallery, gallery_identity, num_kept=num_kept)
    genuine = genuine_scores(probe, identity, gallery, gallery_identity)
    found = rare_accepts(
        genuine.score, identity[genuine.query], top, far_figures("tar@far", fars), num_bootstrap=num_bootstrap
    )
    return Outcome(
        figures=found.figures,
        units=found.units,
        roc={} if found.roc is None else {"": found.roc},
        thresholds=found.thresholds,
        unsupported=found.unsupported,
    )


def num_impostors(identity: Tensor, gallery_identity: Tensor) -> int:
    """Pairs of a probe and a gallery row of different identities, none of them below 0."""
    size = torch.bincount(gallery_identity, minlength=int(identity.max()) + 1)
    return len(identity) * len(gallery_identity) - int(size[identity].sum())
