"""The contract of a benchmark, with one that counts its embeddings."""

import pytest
import torch

from marginface.benchmark import Benchmark
from marginface.data.image_set import ImageSet
from marginface.embedding import Embeddings
from marginface.metric import Interval
from marginface.outcome import Outcome


class Counting(Benchmark):
    """Somebody else's benchmark."""

    @property
    def images(self) -> ImageSet:
        return ImageSet([b"a", b"b", b"c"])

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        return Outcome(figures={"mean": Interval(float(embeddings.merged(slice(None)).mean()), 0.0, 1.0)})


def test_two_members_make_a_benchmark_that_can_be_used_while_training_too() -> None:
    metric = Counting().metric()
    for index in ([2, 0], [1, 2]):
        embedding = torch.tensor(index, dtype=torch.float32)[:, None].expand(-1, 4)
        metric.update(torch.tensor(index), embedding, embedding)
    assert metric.compute() == {"mean": Interval(2.0, 0.0, 1.0)}, "plain and mirrored are added, image 2 counts once"


def test_a_benchmark_without_them_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Benchmark()


def test_an_outcome_needs_its_figures_only() -> None:
    outcome = Outcome(figures={})
    assert (outcome.units, outcome.roc, outcome.excluded, list(outcome.hardest)) == ({}, {}, {}, [])
