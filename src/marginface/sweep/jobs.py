"""What is known of the jobs of a sweep, as files beside their results."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

RECORD = "job.json"
SMALLER_IS_BETTER = ("loss", "eer")


class Estimate(NamedTuple):
    """A figure; without an interval its bounds are NaN."""

    value: float
    low: float = math.nan
    high: float = math.nan
    over: str = ""  # what was resampled for the interval


class Job(NamedTuple):
    """What is known of one job. It is unfinished from its start on, until it is completed or has failed."""

    number: int
    overrides: Sequence[str]
    status: str = "unfinished"
    reason: str = ""  # why it failed
    objective: float | None = None
    objective_name: str = "objective"
    training: Mapping[str, float] = {}  # the last value of all that was logged
    figures: Mapping[str, Mapping[str, Any]] = {}  # benchmark -> figure -> value, low, high
    folder: str = ""
    confusion: Mapping[str, Mapping[str, Any]] = {}  # benchmark -> names, counts (C, C) of a closed-set task

    def estimates(self) -> dict[str, Estimate]:
        """All figures by ``benchmark/figure``."""
        return {f"{b}/{key}": Estimate(**e) for b, part in self.figures.items() for key, e in part.items()}

    def options(self) -> dict[str, str]:
        """Overrides as a mapping; what was added, forced or removed keeps its sign."""
        return {key: value for key, _, value in (word.partition("=") for word in self.overrides)}


def write_job(job: Job, folder: Path) -> None:
    """Write the record of a job into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).write_text(json.dumps(job._asdict() | {"folder": folder.name}, indent=2) + "\n")


def read_jobs(folder: Path) -> list[Job]:
    """The records below a folder, in the order of their numbers."""
    found = [Job(**json.loads(path.read_text())) for path in folder.rglob(RECORD)]
    return sorted(found, key=lambda job: (job.number, job.folder))


def differing(jobs: Sequence[Job]) -> list[str]:
    """Overrides that are not the same in all jobs, in the order in which they were given."""
    options = [job.options() for job in jobs]
    keys = dict.fromkeys(key for each in options for key in each)
    return [key for key in keys if len({each.get(key) for each in options}) > 1]


def metrics(jobs: Sequence[Job]) -> list[str]:
    """Names of all figures, ``benchmark/figure``."""
    return list(dict.fromkeys(name for job in jobs for name in job.estimates()))


def measured(job: Job, metric: str) -> Estimate | None:
    """A figure of a job, or its ``objective``; None where it is missing or not finite."""
    if metric == "objective":
        found = None if job.objective is None else Estimate(job.objective)
    else:
        found = job.estimates().get(metric)
    return found if found is not None and math.isfinite(found.value) else None


def ranked(jobs: Sequence[Job], metric: str) -> list[Job]:
    """The best job first, those without the metric last."""
    name = next((job.objective_name for job in jobs), "") if metric == "objective" else metric
    sign = 1 if name.endswith(SMALLER_IS_BETTER) else -1

    def place(job: Job) -> float:
        found = measured(job, metric)
        return math.inf if found is None else sign * found.value

    return sorted(jobs, key=place)


def label(job: Job, keys: Sequence[str]) -> str:
    """What tells a job from the others: the value where only one override differs."""
    options = job.options()
    if not keys:
        return job.folder or str(job.number)
    words = [options[key] if len(keys) == 1 else f"{key}={options[key]}" for key in keys if key in options]
    return fill(" ".join(words) or "(default)", 44)
