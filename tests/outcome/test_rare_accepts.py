"""True accept rates from the highest impostor scores alone, against thresholds found by counting."""

import numpy as np
import pytest
import torch
from torch import Tensor

from marginface.matching import PairScores, TopScores
from marginface.outcome import HardPair
from marginface.outcome import rare_accepts as module
from marginface.outcome.rare_accepts import check_rates, far_figures, hard_pairs, num_to_keep, rare_accepts


def tops(impostor: Tensor, num_kept: int) -> TopScores:
    score = impostor.sort(descending=True).values[:num_kept]
    return TopScores(score, torch.zeros(len(score), dtype=torch.int64), torch.arange(len(score)), len(impostor))


def counted(genuine: Tensor, impostor: Tensor, far: float) -> float:
    """Highest TAR of any threshold whose FAR is at most ``far``, by trying all."""
    shares = [
        float((genuine > cut).double().mean())
        for cut in [*impostor.tolist(), float("-inf")]
        if float((impostor > cut).double().mean()) <= far
    ]
    return max(shares)


def test_rates_are_those_of_counting() -> None:
    generator = torch.Generator().manual_seed(0)
    genuine, impostor = torch.rand(50, generator=generator) + 0.4, torch.rand(200, generator=generator)
    impostor[3] = impostor[4]
    names = far_figures("tar@far", [0.01, 0.1, 0.001])
    top = tops(impostor, num_to_keep([0.01, 0.1, 0.001], 200))
    result = rare_accepts(genuine, torch.arange(50) // 5, top, names, num_bootstrap=50)
    assert list(result.figures) == ["tar@far=1e-2", "tar@far=1e-1"]
    for far, (name, figure) in zip([0.01, 0.1], result.figures.items(), strict=True):
        assert figure.value == pytest.approx(counted(genuine, impostor, far))
        assert figure.low <= figure.value <= figure.high
        assert figure.over == "identities"
        assert result.units[name].value.mean() == pytest.approx(figure.value)
        assert result.units[name].group.tolist() == (np.arange(50) // 5).tolist()
    assert result.unsupported == {"tar@far=1e-3": "needs 1,000 impostor pairs, there are 200"}
    first = result.thresholds[0]
    assert (first.far, first.num_impostor) == (0.01, 200)
    assert int((impostor > first.score).sum()) == 2
    assert first.tar == pytest.approx(result.figures["tar@far=1e-2"].value)


def test_the_curve_is_on_the_whole_one_and_ends_at_the_largest_rate() -> None:
    generator = torch.Generator().manual_seed(1)
    genuine, impostor = torch.rand(40, generator=generator) + 0.3, torch.rand(100, generator=generator)
    genuine[:5] = impostor.sort(descending=True).values[:10:2]  # ties are not accepted
    result = rare_accepts(genuine, torch.arange(40), tops(impostor, 21), far_figures("tar@far", [0.2]), 10)
    assert result.roc is not None
    assert result.roc.far[0] == 0
    assert result.roc.far[-1] == pytest.approx(0.2)
    assert list(result.roc.far) == sorted(result.roc.far)
    for far, tar in zip(result.roc.far, result.roc.tar, strict=True):
        assert tar == pytest.approx(counted(genuine, impostor, far))


def test_without_a_rate_that_can_be_had_there_is_no_curve() -> None:
    result = rare_accepts(torch.ones(2), torch.arange(2), tops(torch.zeros(5), 5), far_figures("tar@far", [0.1]), 10)
    assert result.figures == {}
    assert result.roc is None
    assert list(result.unsupported) == ["tar@far=1e-1"]


def test_a_pair_at_minus_infinity_is_never_accepted() -> None:
    genuine = torch.tensor([-torch.inf, 0.5])
    result = rare_accepts(genuine, torch.arange(2), tops(torch.zeros(10), 10), {"x": 0.999}, 10)
    assert result.figures["x"].value == 0.5


def test_scores_kept_are_those_accepted_and_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    assert num_to_keep([1e-9], int(4.33e11)) == 434
    assert num_to_keep([1e-9], 100) == 8  # for the hardest pairs
    monkeypatch.setattr(module, "_MAX_KEPT", 100)
    assert num_to_keep([0.1, 0.001], 10_000) == 11
    result = rare_accepts(torch.ones(3), torch.arange(3), tops(torch.zeros(10_000), 11), {"x": 0.1, "y": 0.001}, 10)
    assert list(result.figures) == ["y"]
    assert "needs the 1001 highest of 10000 scores" in result.unsupported["x"]


def test_hard_pairs_are_named_by_image() -> None:
    top = TopScores(torch.tensor([0.9, 0.8]), torch.tensor([1, 0]), torch.tensor([0, 2]), 12)
    genuine = PairScores(torch.tensor([0.5, 0.1]), torch.tensor([0, 0]), torch.tensor([1, 2]))
    pairs = hard_pairs(top, genuine, torch.tensor([10, 11, 12]), torch.tensor([20, 21, 22]))
    assert [pair[:2] + pair[3:] for pair in pairs] == [(11, 20, False), (10, 22, False), (10, 12, True), (10, 11, True)]
    assert isinstance(pairs[0], HardPair)
    assert pairs[0].score == pytest.approx(0.9)
    assert pairs[2].score == pytest.approx(0.1)


def test_rates_must_be_fractions() -> None:
    check_rates("fars", [1e-9, 0.5])
    for wrong in (0.0, 1.0, -1e-3, 1e6):
        with pytest.raises(ValueError, match=r"fprs=.* must be fractions"):
            check_rates("fprs", [1e-3, wrong])
