"""The gathering metric: what it counts, over batches and over processes, and what it refuses."""

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing
from torch import Tensor
from torch.utils.data import DistributedSampler

from marginface.metric import Interval, PairVerification, auc, eer, roc, sphereface, tar_at_far
from marginface.metric.protocol import flip_sum_cosine

NUM_IMAGES = 25


@pytest.fixture(scope="module")
def images() -> tuple[Tensor, ...]:
    """(plain, flipped, first, second, same) of 25 images and 80 pairs."""
    generator = torch.Generator().manual_seed(0)
    identity = torch.arange(NUM_IMAGES) % 5
    centre = torch.randn(5, 8, generator=generator)[identity]
    plain, flipped = (centre + torch.randn(NUM_IMAGES, 8, generator=generator) for _ in range(2))
    first = torch.arange(80) % NUM_IMAGES
    second = torch.where(torch.arange(80) % 2 == 0, (first + 5) % NUM_IMAGES, (first + 7) % NUM_IMAGES)
    return plain, flipped, first, second, identity[first] == identity[second]


def fed(images: tuple[Tensor, ...], *batches: Any, **options: Any) -> PairVerification:
    plain, flipped, *pairs = images
    metric = PairVerification(*pairs, num_folds=4, num_bootstrap=50, **options)
    for batch in batches:
        metric.update(torch.tensor(batch), plain[batch], flipped[batch])
    return metric


def test_figures_are_those_of_the_pure_functions(images: tuple[Tensor, ...]) -> None:
    found = fed(images, list(range(NUM_IMAGES))).compute()
    score, same = flip_sum_cosine(*images[:4]), images[4]
    assert same.sum() == 40
    assert list(found) == [
        "accuracy@sphereface",
        "accuracy@insightface",
        "accuracy@strict",
        "auc",
        "eer",
        "tar@far=1e-1",  # 40 impostor pairs support no smaller one
    ]
    assert found["accuracy@sphereface"].value == sphereface(*images, 4).mean
    assert found["auc"].value == float(auc(roc(score, same)))
    assert found["eer"].value == float(eer(roc(score, same)))
    assert found["tar@far=1e-1"].value == float(tar_at_far(roc(score, same), 0.1))
    for figure in found.values():
        assert isinstance(figure, Interval)
        assert figure.low <= figure.value <= figure.high
        assert figure.low < figure.high


def test_order_batches_and_repeats_do_not_matter(images: tuple[Tensor, ...]) -> None:
    expected = fed(images, list(range(NUM_IMAGES))).compute()
    shuffled = torch.randperm(NUM_IMAGES, generator=torch.Generator().manual_seed(1)).tolist()
    assert fed(images, shuffled[:7], shuffled[7:], shuffled[:3]).compute() == expected


def test_of_a_repeated_image_the_first_embedding_counts(images: tuple[Tensor, ...]) -> None:
    metric = fed(images, list(range(NUM_IMAGES)))
    metric.update(torch.tensor([3, 4]), -images[0][3:5], -images[1][3:5])
    assert metric.compute() == fed(images, list(range(NUM_IMAGES))).compute()


def test_fars_and_protocols_are_the_caller_s_choice(images: tuple[Tensor, ...]) -> None:
    found = fed(images, list(range(NUM_IMAGES)), protocols=["strict"], fars=[0.25, 0.025, 0.02, 1]).compute()
    assert list(found) == ["accuracy@strict", "auc", "eer", "tar@far=2.5e-1", "tar@far=2.5e-2", "tar@far=1e0"]
    assert found["tar@far=1e0"].value == 1.0


def test_half_precision_embeddings_are_taken_up_in_single(images: tuple[Tensor, ...]) -> None:
    half = (images[0].bfloat16(), images[1].bfloat16(), *images[2:])
    exact = (half[0].float(), half[1].float(), *images[2:])
    assert fed(half, list(range(NUM_IMAGES))).compute() == fed(exact, list(range(NUM_IMAGES))).compute()


@pytest.mark.filterwarnings("ignore:.*was called before the ``update``")
@pytest.mark.parametrize("batches", [[[*range(4, 20)]], []])
def test_missing_images_are_counted(images: tuple[Tensor, ...], batches: list[list[int]]) -> None:
    missing = NUM_IMAGES - sum(map(len, batches))
    with pytest.raises(RuntimeError, match=f"{missing} of the 25 images of the pairs have no embedding"):
        fed(images, *batches).compute()


def test_an_image_that_no_pair_names_may_be_missing_or_present(images: tuple[Tensor, ...]) -> None:
    plain, flipped, first, second, same = images
    kept = (first != 3) & (second != 3)
    fewer = (plain, flipped, first[kept], second[kept], same[kept])
    without = fed(fewer, [i for i in range(NUM_IMAGES) if i != 3])
    assert without.compute() == fed(fewer, list(range(NUM_IMAGES))).compute()


@pytest.mark.filterwarnings("ignore:.*was called before the ``update``")
def test_reset_forgets(images: tuple[Tensor, ...]) -> None:
    metric = fed(images, list(range(NUM_IMAGES)))
    expected = metric.compute()
    metric.reset()
    with pytest.raises(RuntimeError, match="25 of the 25"):
        metric.compute()
    metric.reset()
    metric.update(torch.arange(NUM_IMAGES), *images[:2])
    assert metric.compute() == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("side", [0, 1])
def test_embeddings_that_are_not_finite_are_refused_by_image(
    images: tuple[Tensor, ...], side: int, value: float
) -> None:
    sides = [images[0].clone(), images[1].clone()]
    sides[side][6, 2] = value
    with pytest.raises(ValueError, match="1 images have an embedding that is not finite, the first is image 6"):
        fed((*sides, *images[2:]), list(range(NUM_IMAGES))).compute()


PAIRS = ([0, 1, 2, 3], [1, 2, 3, 4], [True, False, True, False])


@pytest.mark.parametrize(
    ("pairs", "options", "message"),
    [
        (PAIRS, {"num_folds": 5}, "num_folds=5 must be at least 2 and at most the number of pairs, 4"),
        (PAIRS, {"num_folds": 1}, "num_folds=1"),
        (([0, 1], [1, 2], [True, True]), {}, "2 genuine and 0 impostor"),
        (([0, 1], [1, 2], [True]), {}, r"\(P,\)"),
        (([0, -1], [1, 2], [True, False]), {}, "negative"),
        (PAIRS, {"protocols": ["strict", "lenient"]}, r"unknown \['lenient'\]: choose from"),
        (PAIRS, {"fars": [0.1, 0.0]}, r"fars has \[0\.0\]"),
        (PAIRS, {"num_bootstrap": 0}, "num_bootstrap=0"),
    ],
)
def test_unusable_settings_are_refused_at_once(pairs: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairVerification(*pairs, **{"num_folds": 2, **options})


@pytest.mark.parametrize(
    ("index", "embedding", "flipped", "message"),
    [
        (torch.arange(3), torch.ones(4, 2), torch.ones(4, 2), r"got \(3,\), \(4, 2\), \(4, 2\)"),
        (torch.arange(4), torch.ones(4, 2), torch.ones(4, 3), r"got \(4,\), \(4, 2\), \(4, 3\)"),
        (torch.arange(4) - 1, torch.ones(4, 2), torch.ones(4, 2), "index has -1"),
    ],
)
def test_batches_that_do_not_fit_are_refused(index: Tensor, embedding: Tensor, flipped: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PairVerification(*PAIRS, num_folds=2).update(index, embedding, flipped)


def test_it_can_be_copied_and_leaves_nothing_in_a_checkpoint(images: tuple[Tensor, ...]) -> None:
    metric = fed(images, list(range(NUM_IMAGES)))
    expected = metric.compute()
    assert copy.deepcopy(metric).compute() == expected
    assert pickle.loads(pickle.dumps(metric)).compute() == expected
    assert metric.state_dict() == {}


def sampler_batches(rank: int) -> list[list[int]]:
    """25 images over two ranks: the sampler repeats one image to even them out."""
    indices = list(DistributedSampler(range(NUM_IMAGES), num_replicas=2, rank=rank, shuffle=True))
    return [indices[:8], indices[8:]]


def test_two_processes_give_the_figures_of_one(
    images: tuple[Tensor, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))  # the spawned processes import it by name
    import two_ranks

    every = list(range(NUM_IMAGES))
    arrangements = {
        "padded": (sampler_batches(0), sampler_batches(1)),
        "uneven": ([every[:3], every[3:19]], [every[19:]]),
        "idle": ([every], []),
        "missing": ([every[:9]], [every[9:19]]),
    }
    assert sum(map(len, arrangements["padded"][0] + arrangements["padded"][1])) == NUM_IMAGES + 1
    torch.multiprocessing.spawn(two_ranks.run, (str(tmp_path), images, arrangements), nprocs=2)
    single = fed(images, every)
    expected = {key: tuple(figure) for key, figure in single.compute().items()}
    for rank in range(2):
        outcome = torch.load(tmp_path / f"{rank}.pt")
        for name in ("padded", "uneven", "idle"):
            assert outcome[name] == expected, f"{name} on rank {rank}"
        assert "6 of the 25 images" in outcome["missing"]
