"""From scores to what a benchmark has measured: figures with intervals, curves, thresholds, the hardest pairs."""

from marginface.outcome.outcome import (
    Confusion,
    HardPair,
    Histogram,
    Line,
    Outcome,
    RocCurve,
    Threshold,
    Units,
)

__all__ = ["Confusion", "HardPair", "Histogram", "Line", "Outcome", "RocCurve", "Threshold", "Units"]
