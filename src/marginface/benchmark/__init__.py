"""Evaluation protocols: which images to embed, and the metric that judges the embeddings."""

from marginface.benchmark.base import Benchmark
from marginface.benchmark.pairs import PairBenchmark

__all__ = ["Benchmark", "PairBenchmark"]
