"""What is wrong with a training set: duplicates, label noise, overlap with benchmarks."""

from marginface.audit.comparison import Comparison, compare
from marginface.audit.finding import REASONS, Finding
from marginface.audit.names import read_names, shared_names
from marginface.audit.report import AuditReport, SetNames, judge
from marginface.audit.scan import ImageScan, scan_images
from marginface.audit.settings import AuditSettings
from marginface.audit.training_images import TrainingImages
from marginface.audit.write import clean, summary, write_audit

__all__ = [
    "REASONS",
    "AuditReport",
    "AuditSettings",
    "Comparison",
    "Finding",
    "ImageScan",
    "SetNames",
    "TrainingImages",
    "clean",
    "compare",
    "judge",
    "read_names",
    "scan_images",
    "shared_names",
    "summary",
    "write_audit",
]
