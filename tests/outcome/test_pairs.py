"""What is said of scored pairs: hand-made scores, and laws between figures, units, thresholds and curves."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from marginface.metric import FoldAccuracy, auc, paired_test, roc
from marginface.metric.folds import fold_of_pair
from marginface.metric.protocol import cross_validate, first_best_exact_cut
from marginface.outcome import HardPair, Outcome
from marginface.outcome.pairs import pair_outcome

FARS = (0.5, 0.1, 0.02, 1e-3)


def scored(seed: int = 0, num_pairs: int = 240, tied: bool = False) -> tuple[Tensor, Tensor]:
    """Half of each fold genuine, so that figures are means over pairs."""
    generator = torch.Generator().manual_seed(seed)
    same = torch.arange(num_pairs) % 2 == 0
    score = (torch.randn(num_pairs, generator=generator).double() * 0.2 + 0.35 * same).clamp(-1, 1)
    return (score.mul(10).round() / 10 if tied else score), same


def strict(score: Tensor, same: Tensor, num_folds: int = 4) -> dict[str, FoldAccuracy]:
    return {"strict": cross_validate(score[None], same, fold_of_pair(len(same), num_folds), first_best_exact_cut)}


def outcome(seed: int = 0, tied: bool = False, **options: object) -> Outcome:
    score, same = scored(seed, tied=tied)
    return pair_outcome(score, same, strict(score, same), fars=FARS, num_bootstrap=50, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("tied", [False, True])
def test_units_are_what_the_figures_are_means_of(tied: bool) -> None:
    found = outcome(tied=tied)
    assert set(found.units) == {"accuracy@strict", "tar@far=5e-1", "tar@far=1e-1", "tar@far=2e-2"}
    for name, units in found.units.items():
        assert units.value.mean(dtype=np.float64) == pytest.approx(found.figures[name].value, abs=1e-12), name
        assert (units.value.dtype, units.group.dtype) == (np.float32, np.int64)
        assert len(np.unique(units.group)) == len(units.value) == (240 if name.startswith("accuracy") else 120)
        assert found.figures[name].over == "pairs"


def test_units_of_two_models_can_be_tested_in_pairs() -> None:
    better, worse = outcome().units["accuracy@strict"], outcome(tied=True).units["accuracy@strict"]
    values = (torch.from_numpy(part.value) for part in (better, worse))
    test = paired_test(*values, torch.from_numpy(better.group), over="pairs", num_bootstrap=200)
    expected = outcome().figures["accuracy@strict"].value - outcome(tied=True).figures["accuracy@strict"].value
    assert test.difference.value == pytest.approx(expected)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_recommended_threshold_keeps_its_promise(seed: int, tied: bool) -> None:
    score, same = scored(seed, num_pairs=4400, tied=tied)
    found = pair_outcome(score, same, {}, num_bootstrap=2)
    (threshold,) = found.thresholds  # 2,200 impostor pairs support 1e-3 only
    accepted = score > threshold.score
    assert (threshold.far, threshold.num_impostor) == (1e-3, 2200)
    assert float(accepted[~same].double().mean()) <= threshold.far
    assert float(accepted[same].double().mean()) == threshold.tar == found.figures["tar@far=1e-3"].value
    assert bool((score == threshold.score).any())  # the pair next to be accepted
    lower = score >= threshold.score
    assert float(lower[~same].double().mean()) > threshold.far or int(lower[same].sum()) == int(accepted[same].sum())


def test_a_threshold_that_need_not_reject_anything() -> None:
    score, same = torch.tensor([0.9, 0.8, 0.3, 0.2]), torch.tensor([True, False, True, False])
    found = pair_outcome(score, same, {}, fars=[1.0], num_bootstrap=2)
    assert found.figures["tar@far=1e0"].value == 1.0
    assert found.units["tar@far=1e0"].value.tolist() == [1.0, 1.0]


def test_what_the_pairs_cannot_support_has_a_reason_and_no_number() -> None:
    found = outcome()
    assert dict(found.unsupported) == {"tar@far=1e-3": "needs 1,000 impostor pairs, there are 120"}
    assert not set(found.unsupported) & (set(found.figures) | set(found.units))
    assert not found.thresholds


def test_a_protocol_s_own_rate_is_reported_or_has_a_reason() -> None:
    score, same = scored()
    part = strict(score, same)["strict"]
    genuine = score[same] > 0.4
    of_folds = genuine.reshape(4, 30)
    own = FoldAccuracy(of_folds.sum(1), torch.full((4,), 30), torch.full((4,), 0.4), genuine)
    found = pair_outcome(score, same, {"insightface": part._replace(tar=own)}, num_bootstrap=20, series="asian")
    name = "asian/tar@insightface_far=1e-3"
    assert found.figures[name].value == pytest.approx(float(genuine.double().mean()))
    assert found.units[name].value.tolist() == genuine.float().tolist()
    without = pair_outcome(score, same, {"insightface": part}, num_bootstrap=20, series="asian")
    assert name not in without.figures
    assert without.unsupported[name].startswith("needs 1,000 impostor pairs outside every fold")
    assert without.unsupported[name].endswith("there are 120 impostor pairs")


def test_the_worst_impostor_pairs_come_first_then_the_worst_genuine_ones() -> None:
    score = torch.linspace(-0.9, 0.9, 24)[torch.randperm(24, generator=torch.Generator().manual_seed(1))]
    same = torch.arange(24) % 2 == 0
    image = torch.arange(24)
    found = pair_outcome(score, same, {}, first=image, second=100 + image, num_bootstrap=2).hardest
    assert [pair.same for pair in found] == [False] * 8 + [True] * 8
    assert found[0] == HardPair(
        int(score.masked_fill(same, -9).argmax()),
        100 + int(score.masked_fill(same, -9).argmax()),
        float(score[~same].max()),
        False,
    )
    assert [pair.score for pair in found[:8]] == sorted(score[~same].tolist(), reverse=True)[:8]
    assert [pair.score for pair in found[8:]] == sorted(score[same].tolist())[:8]
    assert all(pair.score == float(score[pair.first]) and pair.second == pair.first + 100 for pair in found)


def test_few_pairs_are_all_shown_and_none_without_images() -> None:
    score, same = torch.tensor([0.9, 0.1, 0.2]), torch.tensor([True, False, False])
    image = torch.arange(3)
    assert len(pair_outcome(score, same, {}, first=image, second=image, num_bootstrap=2).hardest) == 3
    assert pair_outcome(score, same, {}, first=image, num_bootstrap=2).hardest == []


def test_the_histogram_counts_every_pair_once_those_beyond_the_ends_too() -> None:
    score = torch.tensor([1.0, 0.011, 0.019, -1.0, 1.0 + 1e-7, -0.5])
    same = torch.tensor([True, True, True, False, False, False])
    histogram = pair_outcome(score, same, {}, num_bootstrap=2).histogram[""]
    genuine = dict(zip(histogram.score, histogram.genuine, strict=True))
    assert len(genuine) == 100
    assert (sum(histogram.genuine), sum(histogram.impostor)) == (3, 3)
    assert {round(centre, 6): count for centre, count in genuine.items() if count} == {0.01: 2, 0.99: 1}
    assert (histogram.impostor[0], histogram.impostor[-1]) == (1, 1)
    assert np.diff(histogram.score) == pytest.approx([0.02] * 99)


def test_the_curve_holds_the_area() -> None:
    score, same = scored()
    curve = outcome().roc[""]
    area = np.trapezoid(curve.tar, curve.far)
    assert area == pytest.approx(float(auc(roc(score, same))), abs=1e-12)
    assert (curve.far[0], curve.tar[0], curve.far[-1], curve.tar[-1]) == (0, 0, 1, 1)


def test_a_series_names_everything_that_is_its_own() -> None:
    plain, named = outcome(), outcome(series="african", excluded={"pairs with a missing image": 3})
    for before, after in zip(
        (plain.figures, plain.units, plain.unsupported), (named.figures, named.units, named.unsupported), strict=True
    ):
        assert list(after) == [f"african/{name}" for name in before]
    assert list(named.roc) == list(named.histogram) == ["african"]
    assert named.figures["african/auc"] == plain.figures["auc"]
    assert (plain.excluded, named.excluded) == ({}, {"pairs with a missing image": 3})


@pytest.mark.parametrize(
    ("score", "same", "message"),
    [
        (torch.tensor([0.1, math.nan]), torch.tensor([True, False]), "1 values that are not finite"),
        (torch.tensor([0.1, 0.2]), torch.tensor([True, True]), "2 genuine and 0 impostor pairs"),
    ],
)
def test_unusable_scores_are_refused(score: Tensor, same: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pair_outcome(score, same, {})
