"""Outcome of open-set searches: who is found while few searches for absent people return a candidate.

Shapes: Q probes with a mate in the gallery, S probes without.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from marginface.metric import far_name, groups_bootstrap
from marginface.metric.identification import supports_fpir, tpir_at_fpir
from marginface.outcome.outcome import Line, Outcome, Units

_NUM_POINTS = 100  # of the curve


def open_set_outcome(
    score: Tensor,
    right: Tensor,
    identity: Tensor,
    nonmate_score: Tensor,
    *,
    fpirs: Sequence[float],
    num_bootstrap: int,
) -> Outcome:
    """``tpir@fpir=...``, the share of probes with a mate whose mate comes first, with a score above the threshold.

    The threshold is the lowest at which at most a share ``fpir`` of the searches without a mate return a candidate.
    Intervals resample the identities of the probes with a mate; the threshold stays as it is.

    Args:
        score: Of the best mate of each probe that has one, (Q,).
        right: Whether that mate comes first in the gallery, (Q,) bool.
        identity: Of those probes, (Q,) int64.
        nonmate_score: Highest score of each search without a mate, (S,).
        fpirs: False positive identification rates as fractions.
        num_bootstrap: Number of resamples of an interval.

    Source: Grother, Ngan and Hanaoka, "Face Recognition Vendor Test, Part 2: Identification", NISTIR 8271, 2019.
    """
    searches, number = (score.cpu(), right.cpu(), nonmate_score.cpu()), len(nonmate_score)
    figures, units, unsupported = {}, {}, {}
    for fpir in fpirs:
        name = f"tpir@fpir={far_name(fpir)}"
        if not supports_fpir(fpir, number):
            unsupported[name] = (
                f"needs {1 / fpir:,.0f} probes of people who are not in the gallery, there are {number:,}"
            )
            continue
        found = tpir_at_fpir(*searches, fpir).found.float()
        figures[name] = groups_bootstrap(found, identity.cpu(), over="identities", num_bootstrap=num_bootstrap)
        units[name] = Units(found.numpy(), identity.cpu().numpy())
    lines = {"TPIR over FPIR": _curve(*searches)} if number else {}
    return Outcome(figures=figures, units=units, unsupported=unsupported, lines=lines)


def _curve(score: Tensor, right: Tensor, nonmate_score: Tensor) -> Line:
    number = len(nonmate_score)
    accepted = torch.unique(torch.logspace(0, 1, _NUM_POINTS, base=number, dtype=torch.float64).round()).tolist()
    fpir = [k / number for k in accepted]
    return Line(
        "FPIR", "TPIR", fpir, [tpir_at_fpir(score, right, nonmate_score, rate).rate for rate in fpir], log_x=True
    )
