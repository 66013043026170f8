"""The curve and what is read off it, against their definitions spelled out pair by pair."""

import math

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.classification import binary_auroc

from marginface.metric.functional import Roc, auc, eer, roc, supports_far, tar_at_far, thin_curve


def tied_scores(seed: int, num_pairs: int = 60) -> tuple[Tensor, Tensor]:
    """Scores in steps of 0.1, so that many pairs tie, genuine ones higher on the whole."""
    generator = torch.Generator().manual_seed(seed)
    same = torch.rand(num_pairs, generator=generator) < 0.4
    same[:2] = torch.tensor([True, False])
    score = (torch.randn(num_pairs, generator=generator) * 0.3 + 0.3 * same).mul(10).round() / 10
    return score, same


@pytest.mark.parametrize("seed", range(3))
def test_roc_is_the_shares_accepted_at_each_score(seed: int) -> None:
    score, same = tied_scores(seed)
    curve = roc(score, same)
    assert curve.threshold.tolist() == [math.inf, *sorted(set(score.double().tolist()), reverse=True)]
    for far, tar, threshold in zip(curve.far, curve.tar, curve.threshold, strict=True):
        accepted = score >= threshold
        assert far == accepted[~same].double().mean()
        assert tar == accepted[same].double().mean()
    assert (curve.num_genuine, curve.num_impostor) == (int(same.sum()), int((~same).sum()))


@pytest.mark.parametrize("seed", range(3))
def test_auc_is_the_chance_that_a_genuine_pair_outscores_an_impostor_pair(seed: int) -> None:
    score, same = tied_scores(seed)
    genuine, impostor = score[same][:, None], score[~same]
    expected = ((genuine > impostor).double() + 0.5 * (genuine == impostor)).mean()
    assert float(auc(roc(score, same))) == pytest.approx(float(expected), abs=1e-12)
    within_unit = (score - score.min()) / (score.max() - score.min())  # torchmetrics squashes what lies outside [0, 1]
    assert float(expected) == pytest.approx(float(binary_auroc(within_unit, same.long())), abs=1e-6)


@pytest.mark.parametrize(
    ("genuine", "impostor", "expected"),
    [
        ([0.9, 0.8], [0.2, 0.1], 0.0),
        ([0.2, 0.1], [0.9, 0.8], 1.0),
        ([0.9, 0.7, 0.5], [0.8, 0.2, 0.1], 1 / 3),  # the curve passes through (1/3, 2/3)
        ([1.0, 0.0], [1.0, 0.0], 0.5),
        ([1.0, 0.5, 0.5, 0.5], [0.5, 0.5, 0.0, 0.0], 0.3),  # on the line from (0, 1/4) to (1/2, 1)
    ],
)
def test_eer_by_hand(genuine: list[float], impostor: list[float], expected: float) -> None:
    score = torch.tensor(genuine + impostor)
    same = torch.tensor([True] * len(genuine) + [False] * len(impostor))
    assert float(eer(roc(score, same))) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("far", [0.1, 0.25, 1.0])
def test_tar_at_far_is_the_best_of_all_admissible_thresholds(seed: int, far: float) -> None:
    score, same = tied_scores(seed)
    thresholds = [math.inf, *score.tolist()]
    admissible = [t for t in thresholds if float((score[~same] >= t).double().mean()) <= far]
    expected = max(float((score[same] >= t).double().mean()) for t in admissible)
    assert float(tar_at_far(roc(score, same), far)) == expected


@pytest.mark.parametrize(("num_impostor", "far"), [(10, 1e-1), (100, 1e-2), (1000, 1e-3), (3000, 1e-3), (600, 1e-2)])
def test_a_far_of_a_whole_number_of_pairs_is_met_exactly(num_impostor: int, far: float) -> None:
    allowed = round(far * num_impostor)
    # one genuine pair between the last impostor pair that may pass and the next
    score = torch.cat((torch.arange(num_impostor, 0, -1), torch.tensor([num_impostor - allowed + 0.5])))
    same = torch.arange(num_impostor + 1) == num_impostor
    curve = roc(score, same)
    assert supports_far(curve, far)
    assert float(tar_at_far(curve, far)) == 1.0
    score[-1] -= 1.0
    assert float(tar_at_far(roc(score, same), far)) == 0.0


def test_a_far_below_one_impostor_pair_is_refused() -> None:
    curve = roc(torch.arange(12.0), torch.arange(12) > 2)
    assert not supports_far(curve, 0.1)
    with pytest.raises(ValueError, match=r"far=0\.1 needs at least 10 impostor pairs, got 3"):
        tar_at_far(curve, 0.1)


def test_figures_depend_on_the_order_of_the_scores_only() -> None:
    score, same = tied_scores(0)
    plain, stretched = roc(score, same), roc(torch.exp(3 * score), same)
    torch.testing.assert_close(plain.far, stretched.far, rtol=0, atol=0)
    torch.testing.assert_close(plain.tar, stretched.tar, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("score", "same", "message"),
    [
        (torch.tensor([0.1, math.nan]), torch.tensor([True, False]), "not finite"),
        (torch.tensor([0.1, 0.2]), torch.tensor([True, True]), "2 genuine and 0 impostor"),
        (torch.tensor([0.1, 0.2]), torch.tensor([False, False]), "0 genuine and 2 impostor"),
        (torch.tensor([0.1, 0.2, 0.3]), torch.tensor([True, False]), r"\(P,\)"),
        (torch.tensor([0.1, 0.2]), torch.tensor([1, 0]), "boolean"),
    ],
)
def test_unusable_scores_are_refused(score: Tensor, same: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        roc(score, same)


def area(far: Tensor, tar: Tensor) -> float:
    return float(torch.trapezoid(tar, far))


def points(curve: Roc) -> set[tuple[float, float]]:
    return set(zip(curve.far.tolist(), curve.tar.tolist(), strict=True))


def test_thinning_keeps_every_corner_where_they_fit() -> None:
    generator = torch.Generator().manual_seed(0)
    same = torch.arange(4000) < 2000
    curve = roc(torch.randn(4000, generator=generator) + 3 * same, same)
    far, tar = thin_curve(curve, 500)
    assert len(far) < 500 < len(curve.far)
    assert area(far, tar) == pytest.approx(float(auc(curve)), abs=1e-12)
    assert set(zip(far.tolist(), tar.tolist(), strict=True)) <= points(curve)


def test_thinning_a_curve_of_too_many_corners_stays_on_it_and_keeps_its_rare_end() -> None:
    generator = torch.Generator().manual_seed(0)
    same = torch.arange(6000) < 3000
    curve = roc(torch.randn(6000, generator=generator) + 0.5 * same, same)
    far, tar = thin_curve(curve, 500)
    assert 400 < len(far) <= 500
    assert (far[0], tar[0], far[-1], tar[-1]) == (0, 0, 1, 1)
    assert set(zip(far.tolist(), tar.tolist(), strict=True)) <= points(curve)
    assert area(far, tar) == pytest.approx(float(auc(curve)), abs=1e-3)
    all_far, all_tar = thin_curve(curve, 6000)
    assert len(all_far) > 2000
    assert (far[:30].tolist(), tar[:30].tolist()) == (all_far[:30].tolist(), all_tar[:30].tolist())
