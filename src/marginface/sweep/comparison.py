"""The jobs of a sweep side by side: one table as Markdown and CSV, one plot."""

import csv
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from tabulate import tabulate

from marginface.sweep.folds import Folds, confusion_rows, folds_rows, over_folds, pooled
from marginface.sweep.jobs import Estimate, Job, differing, label, measured, metrics, ranked, read_jobs

log = logging.getLogger(__name__)


def write_comparison(folder: Path, metric: str | None = None) -> str:
    """Write ``comparison.csv``, ``comparison.md`` and, if there is anything to draw, ``comparison.png``.

    A sweep over folds also gets ``confusion.csv``, if its jobs have confusion matrices: their sum.

    Args:
        folder: of the sweep, with the folders of its jobs below it.
        metric: the figure to draw, as ``benchmark/figure`` or ``objective``; None, or one that no job has, for the
            first figure of the first benchmark, without benchmarks for the objective.

    Returns:
        A table for the terminal with that figure alone, the best job first; below it, its means over folds.
    """
    jobs = read_jobs(folder)
    folds = over_folds(jobs)
    _write_csv(folder / "comparison.csv", csv_rows(jobs))
    if any(pooled(each) for each in folds):
        _write_csv(folder / "confusion.csv", confusion_rows(folds))
    (folder / "comparison.md").write_text(markdown(jobs) + folds_markdown(folds, metrics(jobs)))
    known = [*metrics(jobs), "objective"]
    if metric not in known:
        if metric is not None:  # no reason to lose the comparison of hours of work
            log.warning("metric=%s is unknown, so %s is drawn; the jobs have %s", metric, known[0], ", ".join(known))
        metric = known[0]
    jobs = ranked(jobs, metric)
    if any(measured(job, metric) for job in jobs):
        draw(jobs, metric, folder / "comparison.png")
    return terminal(jobs, metric) + folds_terminal(folds, metric)


def csv_rows(jobs: Sequence[Job]) -> list[list[object]]:
    """A header and a row a job, numbers as they are."""
    keys, names = differing(jobs), metrics(jobs)
    bounds = [f"{name}{part}" for name in names for part in ("", "/low", "/high", "/over")]
    header: list[object] = ["job", "folder", *keys, "status", "reason", "train/loss", "objective", *bounds]
    rows = [header]
    for job in jobs:
        figures = job.estimates()
        numbers = [v for name in names for v in figures.get(name, ("", "", "", ""))]
        known = [job.status, job.reason, job.training.get("train/loss"), job.objective]
        rows.append([job.number, job.folder, *(job.options().get(key, "") for key in keys), *known, *numbers])
    return rows


def markdown(jobs: Sequence[Job]) -> str:
    """What the jobs share, and a table with all figures and their intervals."""
    keys, names = differing(jobs), metrics(jobs)
    shared = [word for word in jobs[0].overrides if word.partition("=")[0] not in keys] if jobs else []
    title = f"{len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}" + (f" with `{' '.join(shared)}`" if shared else "")
    training = _training(jobs)
    header = ["job", *keys, "status", *training, *names]
    rows = [
        [
            *(job.number, *_choices(job, keys), _status(job), *(column[i] for column in training.values())),
            *(interval(job, name) for name in names),
        ]
        for i, job in enumerate(jobs)
    ]
    return f"{title}. Figures with 95 % intervals.\n\n{_table(header, rows, 'pipe')}\n"


def terminal(jobs: Sequence[Job], metric: str) -> str:
    """A table that fits a terminal: of all figures only one."""
    keys, names = differing(jobs), [metric] if metric in metrics(jobs) else []
    training = _training(jobs)
    rows = [
        [
            *(job.number, *_choices(job, keys), fill(_status(job), 40, max_lines=3)),
            *(column[i] for column in training.values()),
            *(interval(job, name) for name in names),
        ]
        for i, job in enumerate(jobs)
    ]
    return _table(["job", *keys, "status", *training, *names], rows, "simple")


def folds_markdown(folds: Sequence[Folds], names: Sequence[str]) -> str:
    """Sections about the folds taken together; nothing where the sweep is not over folds."""
    if not folds:
        return ""
    header, *rows = folds_rows(folds, names)
    note = (
        "Mean ± standard deviation over the completed folds; a pooled accuracy counts the samples of all of them alike."
    )
    parts = ["## Mean over folds", note, _table(header, rows, "pipe")]
    for each in folds:
        choice = " ".join(f"{key}={value}" for key, value in each.choice.items())
        for matrix in pooled(each):
            parts.append(f"## Confusion of {matrix.benchmark}" + (f" with `{choice}`" if choice else ""))
            parts.append(f"Samples of each true class (rows) by the predicted one, {matrix.num_folds} folds summed.")
            table = [[name, *row] for name, row in zip(matrix.names, matrix.counts, strict=True)]
            parts.append(_table(["true", *matrix.names], table, "pipe"))
    return "\n" + "\n\n".join(parts) + "\n"


def folds_terminal(folds: Sequence[Folds], metric: str) -> str:
    """The table of the folds taken together, of all figures only one; nothing where the sweep is not over folds."""
    if not folds:
        return ""
    header, *rows = folds_rows(folds, [metric])
    return f"\n\nmean over folds\n{_table(header, rows, 'simple')}"


def interval(job: Job, metric: str) -> str:
    """A figure as ``value [low, high]``; empty where it is missing."""
    found = measured(job, metric)
    if found is None or math.isnan(found.low):
        return _number(found)
    return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def draw(jobs: Sequence[Job], metric: str, path: Path) -> None:
    """Draw a dot and an interval a job, the first job on top; jobs without the metric are named at the bottom."""
    from matplotlib.figure import Figure  # here: a sweep's start should not wait for it

    keys = differing(jobs)
    found = [measured(job, metric) for job in jobs]
    names = [label(job, keys) + ("" if f else f" ({job.status})") for job, f in zip(jobs, found, strict=True)]
    figure = Figure(figsize=(8, 1.4 + 0.32 * sum(1 + 0.5 * name.count("\n") for name in names)), layout="constrained")
    axes = figure.subplots()
    for y, estimate in enumerate(found):
        if estimate is not None:
            axes.plot([estimate.low, estimate.high], [y, y], color="tab:blue", linewidth=1.5, alpha=0.6)
            axes.plot(estimate.value, y, "o", color="tab:blue", markersize=6)
    axes.set_yticks(range(len(jobs)), names, parse_math=False)
    for text, estimate in zip(axes.get_yticklabels(), found, strict=True):
        text.set_color("black" if estimate else "tab:red")
    axes.set_ylim(len(jobs) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.4)
    axes.spines[["top", "right"]].set_visible(False)
    intervals = any(f is not None and not math.isnan(f.low) for f in found)
    axes.set_xlabel((_objective(jobs) if metric == "objective" else metric) + (", 95 % interval" if intervals else ""))
    figure.savefig(path, dpi=150)


def _choices(job: Job, keys: Sequence[str]) -> list[str]:
    options = job.options()
    return [options.get(key, "") for key in keys]


def _status(job: Job) -> str:
    return f"{job.status}: {job.reason}" if job.reason else job.status


def _training(jobs: Sequence[Job]) -> dict[str, list[str]]:
    """Columns of what training measured; an evaluation has none."""
    columns = {
        "train loss": [job.training.get("train/loss") for job in jobs],
        _objective(jobs): [job.objective for job in jobs],
    }
    return {
        name: ["" if value is None else f"{value:.4f}" for value in values]
        for name, values in columns.items()
        if any(value is not None for value in values)
    }


def _objective(jobs: Sequence[Job]) -> str:
    return next((job.objective_name for job in jobs), "objective")


def _number(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{estimate.value:.4f}"


def _write_csv(path: Path, rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[object]], style: str) -> str:
    if style == "pipe":  # a bar would end the cell
        rows = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return str(tabulate(rows, header, tablefmt=style, disable_numparse=True))
