"""From a config to objects to a run: the only part that knows Hydra and DictConfig."""

from marginface.engine.auditing import AUDIT_KEYS, audit
from marginface.engine.build import build_recognizer, build_trainer
from marginface.engine.evaluation import evaluate
from marginface.engine.preparation import PREPARE_KEYS, prepare_data
from marginface.engine.previewing import PREVIEW_KEYS, preview
from marginface.engine.reporting import compare
from marginface.engine.settings import EVAL_KEYS, REPORT_KEYS, TRAIN_KEYS, prepare
from marginface.engine.training import train

__all__ = [
    "AUDIT_KEYS",
    "EVAL_KEYS",
    "PREPARE_KEYS",
    "PREVIEW_KEYS",
    "REPORT_KEYS",
    "TRAIN_KEYS",
    "audit",
    "build_recognizer",
    "build_trainer",
    "compare",
    "evaluate",
    "prepare",
    "prepare_data",
    "preview",
    "train",
]
