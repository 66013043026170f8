"""Lightning callbacks that no library offers."""

from marginface.callbacks.nonfinite import NonFiniteLossError, StopOnNonFinite
from marginface.callbacks.progress import ImageProgressBar

__all__ = ["ImageProgressBar", "NonFiniteLossError", "StopOnNonFinite"]
