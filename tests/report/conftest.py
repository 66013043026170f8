"""Two models on three benchmarks with made-up scores: pairs, identification, a closed-set task."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from marginface.data import encode
from marginface.data.image_set import ImageSet
from marginface.metric import groups_bootstrap
from marginface.metric.protocol import FoldAccuracy
from marginface.outcome import Confusion, Histogram, Line, Outcome, Units
from marginface.outcome.pairs import hardest_pairs, pair_outcome

NUM_PAIRS = 3000
NUM_PROBES = 400
EMOTIONS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")


def pairs(skill: float, seed: int = 0) -> Outcome:
    """Verification of 3000 pairs; scores of a model are better the higher its skill."""
    rng = torch.Generator().manual_seed(seed)
    same = torch.arange(NUM_PAIRS) % 2 == 0
    score = (0.14 * torch.randn(NUM_PAIRS, generator=rng) + same * skill).clamp(-1, 1)
    right = (score > skill / 2) == same
    folds = right.reshape(10, -1)
    accuracy = FoldAccuracy(folds.sum(1), torch.full((10,), NUM_PAIRS // 10), torch.zeros(10), right)
    first = torch.arange(NUM_PAIRS) % 12
    return pair_outcome(
        score, same, {"strict": accuracy}, first=first, second=(first + 1) % 12, num_bootstrap=40,
        excluded={"pairs with a missing image": 3},
    )  # fmt: skip


def identification(skill: float) -> Outcome:
    """400 probes of 50 identities among up to a million distractors."""
    rng = torch.Generator().manual_seed(1)
    rank = (torch.rand(NUM_PROBES, generator=rng) ** (8 * skill) * 60).long()
    hit = (rank == 0).float()
    identity = torch.arange(NUM_PROBES) // 8
    distractors = [10, 100, 1000, 10_000, 100_000, 1_000_000]
    same = torch.arange(NUM_PROBES) % 2 == 0
    score = torch.randn(NUM_PROBES, generator=rng) * 0.1 + skill * same
    return Outcome(
        figures={
            "rank-1": groups_bootstrap(hit, identity, over="identities", num_bootstrap=40),
            "rank-5": groups_bootstrap((rank < 5).float(), identity, over="identities", num_bootstrap=40),
        },
        units={
            "rank-1": Units(hit.numpy(), identity.numpy()),
            "rank-5": Units((rank < 5).float().numpy(), identity.numpy()),
        },
        cmc={"": [float((rank <= r).float().mean()) for r in range(50)]},
        lines={
            "Rank-1 over distractors": Line(
                "distractors", "rank-1 rate", distractors,
                [float(hit.mean()) + (1 - float(hit.mean())) / (1 + i) for i in range(6)], log_x=True,
            )
        },
        histogram={"": histogram_of(score, same)},
        hardest=hardest_pairs(score, same, torch.arange(NUM_PROBES) % 12, torch.arange(NUM_PROBES) % 7),
        unsupported={"tar@far=1e-6": "needs 1,000,000 impostor pairs, there are 200"},
    )  # fmt: skip


def histogram_of(score: Tensor, same: Tensor) -> Histogram:
    edges = torch.linspace(-1, 1, 51)
    counts = [torch.histogram(score[kind].float(), edges).hist.tolist() for kind in (same, ~same)]
    return Histogram(((edges[1:] + edges[:-1]) / 2).tolist(), *counts)


def emotions(skill: float) -> Outcome:
    """A closed set of seven classes."""
    rng = np.random.default_rng(2)
    truth = np.arange(327) % 7
    taken = np.where(rng.random(327) < 0.6 + skill / 2, truth, rng.integers(0, 7, 327))
    counts = np.zeros((7, 7), int)
    np.add.at(counts, (truth, taken), 1)
    right, subject = torch.from_numpy(truth == taken).float(), torch.arange(327) // 3
    return Outcome(
        figures={"accuracy": groups_bootstrap(right, subject, over="subjects", num_bootstrap=40)},
        units={"accuracy": Units(right.numpy(), subject.numpy())},
        confusion=Confusion(EMOTIONS, counts.tolist()),
    )


def outcomes_of(skill: float) -> dict[str, Outcome]:
    return {"lfw": pairs(skill), "megaface": identification(skill), "ck_plus": emotions(skill)}


def faces() -> ImageSet:
    """Twelve images of 112 x 112 pixels."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(30, 220, (12, 8, 8, 3), dtype=np.uint8)
    return ImageSet([encode(image.repeat(14, 0).repeat(14, 1)) for image in coarse], "the test")


def about(name: str) -> dict[str, str]:
    return {
        "model": name,
        "checkpoint": f"outputs/{name}/checkpoints/best.ckpt",
        "fingerprint": "9f2c" * 16,
        "preprocess": "112 x 96, RGB, (x - 127.5) / 128, flip concat",
        "precision": "bf16-mixed",
        "date": "2026-01-31 12:00",
    }


@pytest.fixture(scope="session")
def weak() -> Mapping[str, Outcome]:
    return outcomes_of(0.42)


@pytest.fixture(scope="session")
def strong() -> Mapping[str, Outcome]:
    return outcomes_of(0.55)


@pytest.fixture(scope="session")
def images() -> dict[str, ImageSet]:
    return {"lfw": faces(), "megaface": faces()}
