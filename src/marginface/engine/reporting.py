"""`src/report.py`: evaluations side by side."""

import logging
from pathlib import Path

from omegaconf import DictConfig

from marginface.engine.settings import REPORT_KEYS, refuse_unknown
from marginface.report import compare_reports

log = logging.getLogger(__name__)


def compare(cfg: DictConfig) -> None:
    """Put evaluations side by side on one page.

    Args:
        cfg: as composed from ``conf/report.yaml``.
    """
    refuse_unknown(cfg, REPORT_KEYS)
    folders = [cfg.results] if isinstance(cfg.results, str) else cfg.results
    page = compare_reports([Path(folder) for folder in folders], cfg.names, Path(cfg.out))
    log.info("report: %s", page)
