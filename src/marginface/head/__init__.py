"""Margin heads: one paper, one file, formulas only."""

from marginface.head.arcface import ArcFace
from marginface.head.asoftmax import ASoftmax
from marginface.head.base import CosineHead, Head, Row
from marginface.head.cosface import CosFace
from marginface.head.criterion import Criterion, Separable, SoftmaxCrossEntropy
from marginface.head.modified_softmax import ModifiedSoftmax
from marginface.head.normface import NormFace
from marginface.head.softmax import Softmax

__all__ = [
    "ASoftmax",
    "ArcFace",
    "CosFace",
    "CosineHead",
    "Criterion",
    "Head",
    "ModifiedSoftmax",
    "NormFace",
    "Row",
    "Separable",
    "Softmax",
    "SoftmaxCrossEntropy",
]
