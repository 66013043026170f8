"""From a config to objects to a run: the only part that knows Hydra and DictConfig."""

from marginface.engine.build import build_recognizer, build_trainer
from marginface.engine.evaluation import evaluate
from marginface.engine.reporting import compare
from marginface.engine.settings import EVAL_KEYS, REPORT_KEYS, TRAIN_KEYS, prepare
from marginface.engine.training import train

__all__ = [
    "EVAL_KEYS",
    "REPORT_KEYS",
    "TRAIN_KEYS",
    "build_recognizer",
    "build_trainer",
    "compare",
    "evaluate",
    "prepare",
    "train",
]
