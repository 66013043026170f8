"""The jobs of a sweep over the folds of a data set, taken together.

Shapes: C classes.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from marginface.sweep.jobs import Job, differing, measured


class Folds(NamedTuple):
    """Jobs that differ in their fold only."""

    choice: Mapping[str, str]  # the overrides that tell them from the sweep's other jobs
    jobs: list[Job]

    @property
    def completed(self) -> list[Job]:
        """Those that have come to their end."""
        return [job for job in self.jobs if job.status == "completed"]


class Spread(NamedTuple):
    """A figure over folds."""

    mean: float
    deviation: float  # standard deviation with n - 1 in its denominator; NaN for a single fold
    num_folds: int


class PooledConfusion(NamedTuple):
    """Confusion matrices of several folds added up."""

    benchmark: str
    names: Sequence[str]
    counts: Sequence[Sequence[int]]  # (C, C): counts[t][p] samples of class t that were taken for class p
    num_folds: int

    @property
    def accuracy(self) -> float:
        """Share of all samples that were recognised; NaN without any."""
        total = sum(map(sum, self.counts))
        return sum(row[i] for i, row in enumerate(self.counts)) / total if total else math.nan


def over_folds(jobs: Sequence[Job]) -> list[Folds]:
    """The jobs by all that differs besides the fold; nothing where the sweep is not over folds.

    Args:
        jobs: of a sweep. It is over folds if exactly one of the differing overrides has a key that ends in ``.fold``.
    """
    keys = differing(jobs)
    if sum(key.endswith(".fold") for key in keys) != 1:
        return []
    groups: dict[tuple[str | None, ...], Folds] = {}
    for job in jobs:
        choice = {key: job.options().get(key) for key in keys if not key.endswith(".fold")}
        known = {key: value for key, value in choice.items() if value is not None}
        groups.setdefault(tuple(choice.values()), Folds(known, [])).jobs.append(job)
    return list(groups.values())


def spread(folds: Folds, metric: str) -> Spread | None:
    """Mean and standard deviation of a figure over those folds that have it; None if none has."""
    values = [found.value for job in folds.completed if (found := measured(job, metric)) is not None]
    if not values:
        return None
    return Spread(fmean(values), stdev(values) if len(values) > 1 else math.nan, len(values))


def pooled(folds: Folds) -> list[PooledConfusion]:
    """Confusion matrices by benchmark, summed over those folds that have one; of other classes, side by side."""
    found: dict[tuple[str, tuple[str, ...]], PooledConfusion] = {}
    for job in folds.completed:
        for benchmark, part in job.confusion.items():
            key = benchmark, tuple(part["names"])
            so_far = found.get(key, PooledConfusion(benchmark, key[1], [[0] * len(key[1])] * len(key[1]), 0))
            total = [
                [a + b for a, b in zip(*rows, strict=True)] for rows in zip(so_far.counts, part["counts"], strict=True)
            ]
            found[key] = so_far._replace(counts=total, num_folds=so_far.num_folds + 1)
    return list(found.values())


def folds_rows(groups: Sequence[Folds], names: Sequence[str]) -> list[list[str]]:
    """A header and a row a combination of the other overrides.

    Args:
        groups: what :func:`over_folds` has found.
        names: figures, as ``benchmark/figure``.
    """
    keys = list(dict.fromkeys(key for group in groups for key in group.choice))
    sums = [{each.benchmark: each for each in pooled(group)} for group in groups]
    benchmarks = list(dict.fromkeys(name for each in sums for name in each))
    rows = [[*keys, "folds", *names, *(f"{name} pooled accuracy" for name in benchmarks)]]
    for group, of_all in zip(groups, sums, strict=True):
        count = len(group.completed)
        cells = [_cell(spread(group, name), count) for name in names]
        whole = [Spread(of_all[n].accuracy, math.nan, of_all[n].num_folds) if n in of_all else None for n in benchmarks]
        choice = [group.choice.get(key, "") for key in keys]
        rows.append([*choice, f"{count} of {len(group.jobs)}", *cells, *(_cell(each, count) for each in whole)])
    return rows


def confusion_rows(groups: Sequence[Folds]) -> list[list[object]]:
    """A header and a row for each pair of classes: the other overrides, benchmark, true and predicted class, count."""
    keys = list(dict.fromkeys(key for group in groups for key in group.choice))
    rows: list[list[object]] = [[*keys, "benchmark", "true", "predicted", "count"]]
    for group in groups:
        for each in pooled(group):
            before = [*(group.choice.get(key, "") for key in keys), each.benchmark]
            for true, counts in zip(each.names, each.counts, strict=True):
                rows += [[*before, true, name, count] for name, count in zip(each.names, counts, strict=True)]
    return rows


def _cell(found: Spread | None, num_folds: int) -> str:
    """A figure over folds, and over how many where that is not all of the completed ones."""
    if found is None:
        return ""
    text = f"{found.mean:.4f}" if math.isnan(found.deviation) else f"{found.mean:.4f} ± {found.deviation:.4f}"
    return text if found.num_folds == num_folds else f"{text} ({found.num_folds} folds)"
