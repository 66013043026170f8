"""Thresholds at false accept rates: at most that share of the impostors scores above them."""

import math

import pytest
import torch

from marginface.matching import TopScores, accepted_share, cut_at_far, num_needed, supported, top_impostors


def top(scores: list[float], num_impostor: int | None = None) -> TopScores:
    score = torch.tensor(scores).sort(descending=True).values
    rows = torch.arange(len(score))
    return TopScores(score, rows, rows, len(score) if num_impostor is None else num_impostor)


HUNDRED = top([number / 100 for number in range(100)])


@pytest.mark.parametrize(("far", "accepted"), [(0.01, 1), (0.015, 1), (0.29, 29), (0.07, 7), (0.57, 57), (0.999, 99)])
def test_known_answers(far: float, accepted: int) -> None:
    """0.29 * 100 is 28.999999999999996 in floating point."""
    cut = cut_at_far(HUNDRED, far)
    assert int((HUNDRED.score > cut).sum()) == accepted
    assert accepted_share(HUNDRED.score, cut) == pytest.approx(accepted / 100)
    assert num_needed(far, 100) == accepted + 1
    assert cut_at_far(HUNDRED._replace(score=HUNDRED.score[: accepted + 1]), far) == cut


def test_all_may_be_accepted() -> None:
    assert cut_at_far(HUNDRED, 1.0) == -math.inf
    assert num_needed(1.0, 100) == 100


def test_scores_tied_at_the_cut_are_all_rejected() -> None:
    tied = top([0.9, 0.5, 0.5, 0.5, 0.1])
    assert cut_at_far(tied, 0.4) == 0.5  # two may be accepted, but the second cannot without the third and fourth
    assert accepted_share(tied.score, cut_at_far(tied, 0.4)) == 0.2
    assert cut_at_far(tied, 0.8) == pytest.approx(0.1)


@pytest.mark.parametrize(("far", "num_impostor", "enough"), [(1e-3, 1000, True), (1e-3, 999, False), (1e-9, 0, False)])
def test_one_impostor_at_least_must_be_acceptable(far: float, num_impostor: int, enough: bool) -> None:
    assert supported(far, num_impostor) is enough
    if not enough:
        needed = round(1 / far)
        with pytest.raises(ValueError, match=f"needs at least {needed} impostor pairs, got {num_impostor}"):
            cut_at_far(top([0.5], num_impostor), far)


def test_too_few_scores_were_kept() -> None:
    with pytest.raises(ValueError, match=r"far=0\.1 needs 11 scores, but top has 10: keep more"):
        cut_at_far(top([0.5] * 10, 100), 0.1)


@pytest.mark.parametrize("far", [0.0, -0.1, 1.5, math.nan])
def test_no_rate(far: float) -> None:
    with pytest.raises(ValueError, match="is no false accept rate"):
        cut_at_far(HUNDRED, far)


def test_a_threshold_of_all_pairs_of_a_set() -> None:
    """The rate that was asked for, of all impostor pairs, from the kept scores alone."""
    rows = torch.nn.functional.normalize(torch.randn(200, 8, generator=torch.Generator().manual_seed(0)))
    identity = torch.arange(200) // 4
    num_impostor = 200 * 199 // 2 - 50 * 6
    kept = top_impostors(rows, identity, num_kept=num_needed(1e-3, num_impostor))
    assert kept.num_impostor == num_impostor
    score = (rows @ rows.T)[torch.triu(identity[:, None] != identity, diagonal=1)]
    cut = cut_at_far(kept, 1e-3)
    assert int((score > cut + 1e-6).sum()) == math.floor(1e-3 * num_impostor)
