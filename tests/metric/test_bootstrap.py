"""Bootstrap intervals: laws, a loop that resamples pair by pair, and their coverage."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from marginface.metric.bootstrap import Interval, folds_bootstrap, pairs_bootstrap
from marginface.metric.functional import Roc, auc, eer, roc, tar_at_far
from marginface.metric.protocol import FoldAccuracy

STATISTICS = {"auc": auc, "eer": eer, "tar": partial(tar_at_far, far=0.1)}


def scores(seed: int, num_pairs: int = 200) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    same = torch.arange(num_pairs) % 2 == 0
    return torch.randn(num_pairs, generator=generator) + 1.5 * same, same


def folds(*num_correct: int, num_pairs: int = 300) -> FoldAccuracy:
    """Folds with so many of their pairs judged right."""
    right = torch.cat([torch.arange(num_pairs) < correct for correct in num_correct])
    return FoldAccuracy(
        torch.tensor(num_correct), torch.full((len(num_correct),), num_pairs), torch.zeros(len(num_correct)), right
    )


@pytest.mark.parametrize("name", STATISTICS)
def test_intervals_agree_with_resampling_pair_by_pair(name: str) -> None:
    score, same = scores(0)
    generator = np.random.default_rng(0)
    genuine, impostor = score[same].numpy(), score[~same].numpy()
    drawn = []
    for _ in range(500):
        parts = [generator.choice(part, len(part)) for part in (genuine, impostor)]
        resampled = torch.from_numpy(np.concatenate(parts))
        drawn.append(float(STATISTICS[name](roc(resampled, torch.arange(len(score)) < len(genuine)))))
    expected = np.percentile(drawn, [2.5, 97.5])
    found = pairs_bootstrap(score, same, STATISTICS, num_bootstrap=2000)[name]
    assert found.value == float(STATISTICS[name](roc(score, same)))
    np.testing.assert_allclose([found.low, found.high], expected, atol=0.2 * (expected[1] - expected[0]))


def test_every_resample_keeps_the_number_of_genuine_and_of_impostor_pairs() -> None:
    score, same = scores(1, num_pairs=50)
    seen = []

    def watch(curve: Roc) -> Tensor:
        seen.append((curve.far.shape, curve.num_genuine, curve.num_impostor))
        torch.testing.assert_close(curve.far[..., -1], torch.ones_like(curve.far[..., -1]))
        torch.testing.assert_close(curve.tar[..., -1], torch.ones_like(curve.tar[..., -1]))
        return auc(curve)

    pairs_bootstrap(score, same, {"watched": watch}, num_bootstrap=30)
    assert {(genuine, impostor) for _, genuine, impostor in seen} == {(25, 25)}
    (plain,), (rows, num_turns) = sorted((shape for shape, *_ in seen), key=len)
    assert (plain, rows) == (51, 30)
    assert num_turns < plain


def test_points_on_straight_parts_are_left_out_and_the_others_kept() -> None:
    # from the top: two genuine pairs, a tie of both kinds, three impostor pairs of which two tie, one genuine pair
    score = torch.tensor([9.0, 8.0, 7.0, 7.0, 6.0, 5.0, 5.0, 4.0])
    same = torch.tensor([True, True, True, False, False, False, False, True])
    turns = []
    pairs_bootstrap(score, same, {"seen": lambda curve: turns.append(curve) or auc(curve)}, num_bootstrap=2)
    (resampled,) = (curve for curve in turns if curve.far.ndim == 2)
    assert resampled.threshold.tolist() == [torch.inf, 8, 7, 5, 4]


def test_leaving_out_points_on_straight_parts_changes_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    same = torch.arange(120) % 2 == 0
    score = (torch.randn(120, generator=generator) * 4 + 6 * same).round()  # ties within and across the classes
    expected = pairs_bootstrap(score, same, STATISTICS, num_bootstrap=40)
    monkeypatch.setattr("marginface.metric.bootstrap._turns", lambda curve: curve)
    whole = pairs_bootstrap(score, same, STATISTICS, num_bootstrap=40)
    for name, interval in expected.items():
        assert interval[:3] == pytest.approx(whole[name][:3], abs=1e-12)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    score, same = scores(2)
    first, again = (pairs_bootstrap(score, same, STATISTICS, num_bootstrap=100, seed=3) for _ in range(2))
    other = pairs_bootstrap(score, same, STATISTICS, num_bootstrap=100, seed=4)
    assert first == again
    assert first["auc"] != other["auc"]
    of_folds = [folds_bootstrap(folds(280, 290), num_bootstrap=10, seed=seed) for seed in (3, 3, 4, 5, 6)]
    assert of_folds[0] == of_folds[1]
    assert len(set(of_folds)) > 2


@pytest.mark.parametrize("num_bootstrap", [1, 2, 50])
@pytest.mark.parametrize("seed", range(5))
def test_the_value_lies_inside(num_bootstrap: int, seed: int) -> None:
    score, same = scores(seed, num_pairs=24)
    found = pairs_bootstrap(score, same, STATISTICS, num_bootstrap=num_bootstrap, seed=seed)
    found["accuracy"] = folds_bootstrap(folds(9, 7, num_pairs=12), num_bootstrap=num_bootstrap, seed=seed)
    for interval in found.values():
        assert interval.low <= interval.value <= interval.high


def test_chunks_of_resamples_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    score, same = scores(3, num_pairs=40)
    draws = []
    for cells in (40 * 7, 2**20):
        monkeypatch.setattr("marginface.metric.bootstrap._CHUNK_CELLS", cells)
        draws.append(pairs_bootstrap(score, same, STATISTICS, num_bootstrap=4000)["auc"])
    assert draws[0].low == pytest.approx(draws[1].low, abs=0.01)
    assert draws[0].high == pytest.approx(draws[1].high, abs=0.01)


def test_fold_interval_has_the_width_of_the_binomial() -> None:
    found = folds_bootstrap(folds(*[270] * 10), num_bootstrap=20_000)
    half = 1.96 * (0.9 * 0.1 / 3000) ** 0.5
    assert found.value == pytest.approx(0.9)
    assert (found.low, found.high) == pytest.approx((0.9 - half, 0.9 + half), abs=0.08 * half)


def test_without_errors_the_interval_is_a_point() -> None:
    assert folds_bootstrap(folds(300, 300)) == Interval(1.0, 1.0, 1.0)
    same = torch.arange(40) % 2 == 0
    assert pairs_bootstrap(same.double(), same, STATISTICS)["auc"] == Interval(1.0, 1.0, 1.0)


def test_a_higher_confidence_widens() -> None:
    score, same = scores(4)
    narrow, wide = (pairs_bootstrap(score, same, {"auc": auc}, confidence=c)["auc"] for c in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_auc_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = float(torch.special.ndtr(torch.tensor(1.5 / 2**0.5)))
    intervals = [pairs_bootstrap(*scores(seed, 100), {"auc": auc}, num_bootstrap=200)["auc"] for seed in range(120)]
    covered = sum(interval.low <= truth <= interval.high for interval in intervals) / len(intervals)
    assert 0.9 <= covered <= 0.985


@pytest.mark.parametrize(
    ("options", "message"), [({"num_bootstrap": 0}, "num_bootstrap=0"), ({"confidence": 1.0}, r"confidence=1\.0")]
)
def test_settings_that_give_no_interval_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        folds_bootstrap(folds(280), **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        pairs_bootstrap(*scores(0), STATISTICS, **options)  # type: ignore[arg-type]
