"""Figures of merit: pure functions on scores, and metrics that gather them."""

from marginface.metric.bootstrap import Interval, folds_bootstrap, pairs_bootstrap
from marginface.metric.functional import Roc, auc, eer, far_name, roc, supports_far, tar_at_far
from marginface.metric.grouped import groups_bootstrap
from marginface.metric.protocol import PROTOCOLS, FoldAccuracy, insightface, sphereface, strict
from marginface.metric.verification import PairVerification

__all__ = [
    "PROTOCOLS",
    "FoldAccuracy",
    "Interval",
    "PairVerification",
    "Roc",
    "auc",
    "eer",
    "far_name",
    "folds_bootstrap",
    "groups_bootstrap",
    "insightface",
    "pairs_bootstrap",
    "roc",
    "sphereface",
    "strict",
    "supports_far",
    "tar_at_far",
]
