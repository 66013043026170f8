"""Embeddings gathered over batches and processes, and what is refused."""

import copy
import pickle
import sys
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from torch import Tensor
from torch.utils.data import DistributedSampler

sys.path.insert(0, str(Path(__file__).parent))  # the spawned processes import it by name

import gathering_ranks

from marginface.benchmark.gathered import GatheredEmbeddings
from marginface.embedding import Embeddings
from marginface.outcome import Outcome

NUM_IMAGES = 11


@pytest.fixture(scope="module")
def views() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(NUM_IMAGES, 3, generator=generator), torch.randn(NUM_IMAGES, 3, generator=generator)


def fed(views: tuple[Tensor, Tensor], *batches: list[int]) -> GatheredEmbeddings:
    metric = GatheredEmbeddings(NUM_IMAGES, gathering_ranks.weighted_sum)
    for batch in batches:
        metric.update(torch.tensor(batch), views[0][batch], views[1][batch])
    return metric


def test_the_benchmark_is_given_every_image_at_its_place_in_both_views(views: tuple[Tensor, Tensor]) -> None:
    given: list[Embeddings] = []

    def evaluate(embeddings: Embeddings) -> Outcome:
        given.append(embeddings)
        return Outcome(figures={})

    metric = GatheredEmbeddings(NUM_IMAGES, evaluate)
    order = torch.randperm(NUM_IMAGES, generator=torch.Generator().manual_seed(1))
    for index in torch.split(order, 4):
        metric.update(index, views[0][index].half(), views[1][index].half())
    assert metric.compute() == {}
    (embeddings,) = given
    assert torch.equal(embeddings.plain, views[0].half().float())
    assert torch.equal(embeddings.flipped, views[1].half().float())
    assert embeddings.flip == "sum"


def test_order_batches_and_repeats_do_not_matter(views: tuple[Tensor, Tensor]) -> None:
    every = list(range(NUM_IMAGES))
    expected = fed(views, every).compute()
    assert fed(views, every[::-1][:6], every[::-1][6:], [3, 0]).compute() == expected


def test_missing_images_are_counted(views: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(RuntimeError, match=r"3 of the 11 images have no embedding: run the benchmark over all"):
        fed(views, [0, 1, 2, 3, 4], [7, 9, 10]).compute()
    with pytest.raises(RuntimeError, match=r"11 of the 11 images"):
        fed(views).compute()


def test_reset_forgets(views: tuple[Tensor, Tensor]) -> None:
    metric = fed(views, list(range(NUM_IMAGES)))
    expected = metric.compute()
    metric.reset()
    metric.update(torch.arange(5), views[0][:5], views[1][:5])
    with pytest.raises(RuntimeError, match="6 of the 11"):
        metric.compute()
    metric.update(torch.arange(5, NUM_IMAGES), views[0][5:], views[1][5:])
    assert metric.compute() == expected


def test_it_can_be_copied_and_leaves_nothing_in_a_checkpoint(views: tuple[Tensor, Tensor]) -> None:
    metric = fed(views, list(range(NUM_IMAGES)))
    expected = metric.compute()
    assert copy.deepcopy(metric).compute() == expected
    assert pickle.loads(pickle.dumps(metric)).compute() == expected
    assert metric.state_dict() == {}


def sampler_batches(rank: int) -> list[list[int]]:
    """11 images over two ranks: the sampler repeats one image to even them out."""
    indices = list(DistributedSampler(range(NUM_IMAGES), num_replicas=2, rank=rank, shuffle=True))
    return [indices[:4], indices[4:]]


def test_two_processes_give_the_figures_of_one(views: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    every = list(range(NUM_IMAGES))
    arrangements = {
        "padded": (sampler_batches(0), sampler_batches(1)),
        "uneven": ([every[:2], every[2:9]], [every[9:]]),
        "idle": ([every], []),
        "missing": ([every[:4]], [every[4:8]]),
    }
    assert sum(map(len, arrangements["padded"][0] + arrangements["padded"][1])) == NUM_IMAGES + 1
    torch.multiprocessing.spawn(gathering_ranks.run, (str(tmp_path), *views, arrangements), nprocs=2)
    expected = {key: tuple(figure) for key, figure in fed(views, every).compute().items()}
    for rank in range(2):
        outcome = torch.load(tmp_path / f"{rank}.pt")
        assert outcome["padded"] == outcome["uneven"] == outcome["idle"] == expected, f"rank {rank}"
        assert "3 of the 11 images" in outcome["missing"]
