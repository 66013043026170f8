"""Search for templates in galleries of templates, closed and open set.

Shapes: T templates, Q probes with a mate in a gallery.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from marginface.embedding import Embeddings
from marginface.matching import row_tops
from marginface.metric import groups_bootstrap
from marginface.outcome import Outcome, Units
from marginface.outcome.joined import joined
from marginface.outcome.open_set import open_set_outcome
from marginface.outcome.ranking import ranking_outcome, search


class Enrolled(NamedTuple):
    """Templates of known subjects.

    Args:
        row: Row of each template's feature, (T,) int64.
        subject: (T,) int64.
    """

    row: Tensor
    subject: Tensor


def identification_outcome(
    features: Embeddings,
    probes: Enrolled,
    galleries: Mapping[str, Enrolled],
    *,
    ranks: Sequence[int],
    fpirs: Sequence[float],
    num_bootstrap: int = 1000,
    excluded: Mapping[str, int] | None = None,
) -> Outcome:
    """Identification rates in each gallery, ``mean`` of the galleries, and ``joint``: all galleries as one.

    Closed set, ``rank-5``: share of the searches for subjects of the gallery whose mate is among the first five; a
    non-mate that scores as high as the mate stands before it. Open set, ``tpir@fpir=1e-2``: share of these searches
    whose mate comes first and scores above a threshold that at most 1 % of the searches for subjects of the other
    galleries get over. The protocol of NIST has each probe searched in both galleries and averages their figures.
    insightface searches in their union, where every probe has a mate: hence ``joint`` has ranks only. (Its rates at a
    FPIR in the union take the threshold from scores of single impostor pairs, not from searches.)

    Intervals resample subjects, each with all of its searches, at the threshold found.

    Args:
        features: T unit rows.
        probes: What is searched for.
        galleries: What is searched in, by name; each has a mate of some probe.
        ranks: Ranks to report the identification rate at.
        fpirs: False positive identification rates as fractions to report the true positive identification rate at.
        num_bootstrap: Number of resamples of an interval.
        excluded: What was left out, by reason.

    Source: Whitelam et al., "IARPA Janus Benchmark-B", CVPRW 2017; Maze et al., "IARPA Janus Benchmark - C", ICB 2018.
    """
    parts = {name: _in_gallery(features, probes, part, ranks, fpirs, num_bootstrap) for name, part in galleries.items()}
    union = Enrolled(*(torch.cat(part) for part in zip(*galleries.values(), strict=True)))
    parts["mean"] = mean_outcome(list(parts.values()), num_bootstrap)
    parts["joint"] = _in_gallery(features, probes, union, ranks, (), num_bootstrap)
    return replace(joined([_named(name, part) for name, part in parts.items()]), excluded=excluded or {})


def mean_outcome(parts: Sequence[Outcome], num_bootstrap: int = 1000) -> Outcome:
    """Mean of each figure over the parts, whatever their numbers of searches; identities are resampled.

    Args:
        parts: Outcomes with the same figures, all of them with their units; a figure that one lacks gets no mean.
        num_bootstrap: Number of resamples of an interval.
    """
    figures, units, unsupported = {}, {}, {}
    for name in {name: None for part in parts for name in (*part.figures, *part.unsupported)}:
        lacking = [part.unsupported[name] for part in parts if name in part.unsupported]
        if lacking:
            unsupported[name] = f"a gallery lacks it: it {lacking[0]}"
            continue
        values = [torch.from_numpy(part.units[name].value).double() for part in parts]
        even = sum(map(len, values)) / len(values)  # searches a gallery, if all had the same number
        value = torch.cat([value * (even / len(value)) for value in values])
        group = torch.cat([torch.from_numpy(part.units[name].group) for part in parts])
        figures[name] = groups_bootstrap(value, group, over="identities", num_bootstrap=num_bootstrap)
        units[name] = Units(value.float().numpy(), group.numpy())
    return Outcome(figures=figures, units=units, unsupported=unsupported)


def _in_gallery(
    features: Embeddings,
    probes: Enrolled,
    gallery: Enrolled,
    ranks: Sequence[int],
    fpirs: Sequence[float],
    num_bootstrap: int,
) -> Outcome:
    enrolled = features.unit(gallery.row)
    mated = torch.isin(probes.subject, gallery.subject)
    searches = search(features, probes.row[mated], probes.subject[mated], enrolled, gallery.subject)
    candidate = torch.empty(0)
    if not bool(mated.all()):
        candidate = row_tops(features.unit(probes.row[~mated]), enrolled, num_kept=1).score[0, :, 0]
    closed = ranking_outcome(searches, len(gallery.row), ranks=ranks, num_bootstrap=num_bootstrap)
    first = searches.rank == 1
    opened = open_set_outcome(
        searches.score, first, searches.identity, candidate, fpirs=fpirs, num_bootstrap=num_bootstrap
    )
    return joined([closed, opened])


def _named(name: str, part: Outcome) -> Outcome:
    """A part with its name in front of all that it says."""
    return Outcome(
        figures={f"{name}/{key}": figure for key, figure in part.figures.items()},
        units={f"{name}/{key}": unit for key, unit in part.units.items()},
        cmc={name: part.cmc[""]} if part.cmc else {},
        lines={f"{name}/{key}": line for key, line in part.lines.items()},
        unsupported={f"{name}/{key}": why for key, why in part.unsupported.items()},
    )
