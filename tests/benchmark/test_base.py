"""The benchmark interface."""

from collections.abc import Sequence

from torchmetrics import Metric
from torchmetrics.aggregation import MeanMetric

from marginface.benchmark import Benchmark, PairBenchmark


class Foreign:
    images: Sequence[bytes] = (b"one", b"two")

    def metric(self) -> Metric:
        return MeanMetric()


def test_a_class_of_ones_own_is_a_benchmark_and_so_is_ours() -> None:
    assert isinstance(Foreign(), Benchmark)
    assert hasattr(PairBenchmark, "images")
    assert hasattr(PairBenchmark, "metric")
    assert not isinstance(MeanMetric(), Benchmark)
