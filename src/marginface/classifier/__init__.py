"""Classifiers: class centres, and how the loss over them is executed."""

from marginface.classifier.base import BadEmbeddingError, Classification, Classifier
from marginface.classifier.dense import DenseClassifier
from marginface.classifier.fused import FusedClassifier
from marginface.classifier.sharded import ShardedClassifier

__all__ = [
    "BadEmbeddingError",
    "Classification",
    "Classifier",
    "DenseClassifier",
    "FusedClassifier",
    "ShardedClassifier",
]
