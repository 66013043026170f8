"""What was measured, as files for programs and as a page for people."""

from marginface.report.files import Outcomes, format_figures, write_figures, write_training

__all__ = ["Outcomes", "format_figures", "write_figures", "write_training"]
