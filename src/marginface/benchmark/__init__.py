"""Evaluation protocols: which images to embed, and what judges the embeddings."""

from marginface.benchmark.base import Benchmark, FeatureFiles
from marginface.benchmark.outcome import Outcome
from marginface.benchmark.pairs import PairBenchmark

__all__ = ["Benchmark", "FeatureFiles", "Outcome", "PairBenchmark"]
