"""Thresholds to use, each with the data that it rests on, or why there is none."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from marginface.outcome import Outcome, Threshold
from marginface.outcome.pairs import RECOMMENDED_FARS


class Advice(NamedTuple):
    """What to do for a false accept rate.

    Args:
        far: The rate as a fraction.
        threshold: None if no data support one.
        why: Why there is none.
        benchmark: Where the threshold comes from.
        models: Whom it is for.
    """

    far: float
    threshold: Threshold | None
    why: str = ""
    benchmark: str = ""
    models: tuple[str, ...] = ()

    @property
    def num_accepted(self) -> int:
        """Impostor pairs above the threshold, at most: what it rests on."""
        return math.floor(self.far * self.threshold.num_impostor * (1 + 1e-12)) if self.threshold else 0


def of_benchmark(name: str, outcome: Outcome) -> list[Advice]:
    """Advice from one benchmark, the highest rate first; nothing where it chooses no thresholds."""
    if not outcome.thresholds and (not outcome.histogram or _enough(max(RECOMMENDED_FARS), num_impostor(outcome))):
        return []
    given = {threshold.far: threshold for threshold in outcome.thresholds}
    missing = [far for far in RECOMMENDED_FARS if not any(math.isclose(far, known) for known in given)]
    advice = [Advice(far, threshold, benchmark=name) for far, threshold in given.items()]
    advice += [Advice(far, None, _why(far, num_impostor(outcome)), name) for far in missing]
    return sorted(advice, key=lambda each: -each.far)


def of_all(outcomes: Mapping[str, Outcome]) -> list[Advice]:
    """For each recommended rate, the threshold from the benchmark with the most impostor pairs."""
    every = [advice for name, outcome in outcomes.items() for advice in of_benchmark(name, outcome)]
    largest = max(map(num_impostor, outcomes.values()), default=0)
    return [_best(far, [each for each in every if math.isclose(each.far, far)], largest) for far in RECOMMENDED_FARS]


def by_rate(advice: Mapping[str, Sequence[Advice]]) -> list[list[Advice]]:
    """Advice of several models by false accept rate, the highest first; the same is said once for all of them.

    Args:
        advice: By model.
    """
    table: dict[float, dict[Advice, list[str]]] = {}
    for model, each in advice.items():
        for line in each:
            table.setdefault(line.far, {}).setdefault(line, []).append(model)
    return [
        [line._replace(models=tuple(models)) for line, models in lines.items()]
        for _, lines in sorted(table.items(), key=lambda item: -item[0])
    ]


def num_impostor(outcome: Outcome) -> int:
    """Impostor pairs behind the thresholds, without any those of the largest series; 0 where nobody says."""
    if outcome.thresholds:
        return max(threshold.num_impostor for threshold in outcome.thresholds)
    return max((round(sum(histogram.impostor)) for histogram in outcome.histogram.values()), default=0)


def _best(far: float, advice: list[Advice], largest: int) -> Advice:
    found = [(each.threshold.num_impostor, each) for each in advice if each.threshold]
    return max(found, key=lambda pair: pair[0])[1] if found else Advice(far, None, _why(far, largest))


def _why(far: float, impostors: int) -> str:
    if not impostors:
        return "no impostor pairs were scored"
    if _enough(far, impostors):
        return "not reported"
    return f"needs {1 / far:,.0f} impostor pairs, there are {impostors:,}"


def _enough(far: float, impostors: int) -> bool:
    return far * impostors * (1 + 1e-12) >= 1
