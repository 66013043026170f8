"""What is wrong with a training set: duplicates, label noise, overlap with benchmarks."""

from marginface.audit.comparison import Comparison, compare, without_embeddings
from marginface.audit.finding import REASONS, Finding
from marginface.audit.metrics import metrics
from marginface.audit.name_list import NameList, read_names
from marginface.audit.names import NearName, SetNames, near_names, shared_names
from marginface.audit.report import AuditReport, judge
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
    "NameList",
    "NearName",
    "SetNames",
    "TrainingImages",
    "clean",
    "compare",
    "judge",
    "metrics",
    "near_names",
    "read_names",
    "scan_images",
    "shared_names",
    "summary",
    "without_embeddings",
    "write_audit",
]
