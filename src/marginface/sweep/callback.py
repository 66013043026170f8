"""A Hydra callback that compares the jobs of a sweep at its end."""

import atexit
import json
import logging
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from marginface.sweep.comparison import write_comparison
from marginface.sweep.jobs import Job, write_job

log = logging.getLogger(__name__)


class Comparison(Callback):
    """Writes a record into each job's folder and, at the end, tables and a plot into the sweep's.

    Records are files, so that jobs may run in other processes or on other machines (Hydra's launchers). A run that is
    no sweep leaves nothing, and so do the further processes of a job: Lightning starts them as plain runs.

    Args:
        metric: the figure to draw, as ``benchmark/figure``; None for the first one.
    """

    def __init__(self, metric: str | None = None) -> None:
        self.metric = metric
        self._folder: Path | None = None  # of a sweep that has not been compared yet

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Make sure that the end is noticed: after a failed job Hydra raises and does not call on_multirun_end."""
        self._folder = Path(config.hydra.sweep.dir).absolute()
        atexit.register(self._publish)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Compare the jobs."""
        self._publish()

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Record that the job exists, in case that it is killed."""
        if config.hydra.mode == RunMode.MULTIRUN:
            write_job(_started(config), Path(config.hydra.runtime.output_dir))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Record how the job ended and what it measured."""
        if config.hydra.mode != RunMode.MULTIRUN:
            return
        job = _started(config)
        if job_return.status == JobStatus.COMPLETED:
            job = job._replace(
                status="completed",
                objective=job_return.return_value,
                training=_read(Path(config.run_dir) / "training.json"),
                figures=_read(Path(config.results_dir) / "metrics.json"),
                confusion=_read(Path(config.results_dir) / "confusion.json"),
            )
        else:
            job = job._replace(status="failed", reason=_reason(job_return._return_value))  # the property would raise
        write_job(job, Path(config.hydra.runtime.output_dir))

    def _publish(self) -> None:
        folder, self._folder = self._folder, None
        atexit.unregister(self._publish)
        if folder is not None and folder.is_dir():
            table = write_comparison(folder, self.metric)
            log.info("comparison of the jobs, all figures in %s\n%s", folder / "comparison.md", table)


def _started(config: DictConfig) -> Job:
    hydra = config.hydra
    return Job(int(hydra.job.num), list(hydra.overrides.task), objective_name=str(config.get("objective")))


def _reason(error: BaseException) -> str:
    """The error that is at the bottom of it, on one line: Hydra's own around it says only which part was built."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(f"{type(error).__name__}: {error}".split())


def _read(path: Path) -> dict[str, Any]:
    """What the job wrote; nothing, if it was not asked to."""
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found
