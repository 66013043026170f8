"""Figures of merit: pure functions on scores, and metrics that gather them."""

from marginface.metric.bootstrap import Interval, folds_bootstrap, pairs_bootstrap
from marginface.metric.functional import Roc, auc, eer, far_name, roc, supports_far, tar_at_far
from marginface.metric.grouped import groups_bootstrap
from marginface.metric.identification import TpirAtFpir, cmc, supports_fpir, tpir_at_fpir
from marginface.metric.pair_figures import pair_figures
from marginface.metric.paired import PairedTest, paired_test
from marginface.metric.protocol import PROTOCOLS, FoldAccuracy, insightface, sphereface, strict
from marginface.metric.verification import PairVerification

__all__ = [
    "PROTOCOLS",
    "FoldAccuracy",
    "Interval",
    "PairVerification",
    "PairedTest",
    "Roc",
    "TpirAtFpir",
    "auc",
    "cmc",
    "eer",
    "far_name",
    "folds_bootstrap",
    "groups_bootstrap",
    "insightface",
    "pair_figures",
    "paired_test",
    "pairs_bootstrap",
    "roc",
    "sphereface",
    "strict",
    "supports_far",
    "supports_fpir",
    "tar_at_far",
    "tpir_at_fpir",
]
