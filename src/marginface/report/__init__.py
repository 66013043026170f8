"""What was measured, as files for programs and as a page for people."""

from marginface.report.files import Outcomes, format_figures, write_figures, write_training
from marginface.report.saved import Report, load_report, save_report
from marginface.report.write import compare_reports, write_report

__all__ = [
    "Outcomes",
    "Report",
    "compare_reports",
    "format_figures",
    "load_report",
    "save_report",
    "write_figures",
    "write_report",
    "write_training",
]
