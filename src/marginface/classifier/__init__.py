"""Classifiers: class centres, and how the loss over them is executed."""

from marginface.classifier.base import Classification, Classifier
from marginface.classifier.dense import DenseClassifier
from marginface.classifier.fused import FusedClassifier
from marginface.classifier.sharded import ShardedClassifier

__all__ = ["Classification", "Classifier", "DenseClassifier", "FusedClassifier", "ShardedClassifier"]
