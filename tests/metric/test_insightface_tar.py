"""TAR by insightface's rule, against loops that follow its source, with SciPy's interpolation as there."""

import numpy as np
import pytest
import torch
from torch import Tensor

from marginface.metric.folds import fold_of_pair
from marginface.metric.insightface_tar import insightface_tar

FAR = 0.02


def reference(distance: np.ndarray, same: np.ndarray, num_folds: int, kind: str) -> tuple[list[float], list[float]]:
    """Rate and threshold of each fold."""
    interpolate = pytest.importorskip("scipy.interpolate", reason="the rule is defined by SciPy's interp1d")
    cuts = np.arange(0, 4, 0.001)
    rates, thresholds = [], []
    for fold in np.array_split(np.arange(len(same)), num_folds):
        train = np.ones(len(same), dtype=bool)
        train[fold] = False
        far = np.array([np.mean(distance[train & ~same] < cut) for cut in cuts])
        thresholds.append(float(interpolate.interp1d(far, cuts, kind=kind)(FAR)) if far.max() >= FAR else 0.0)
        rates.append(float(np.mean(distance[fold][same[fold]] < thresholds[-1])))
    return rates, thresholds


def shuffled(distance: Tensor, same: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    order = torch.randperm(len(same), generator=torch.Generator().manual_seed(seed))
    return distance[order], same[order]


def test_it_equals_the_rule_where_scipy_takes_the_data() -> None:
    # it refuses equal rates at two cuts, hence an impostor pair below each cut in every training part
    generator = torch.Generator().manual_seed(0)
    cell = torch.arange(3999, dtype=torch.float64).repeat(2) / 1000 + 0.0005
    genuine = torch.rand(600, generator=generator, dtype=torch.float64) * 0.3
    distance = torch.cat((cell[:3999], genuine[:300], cell[3999:], genuine[300:]))
    same = (torch.arange(len(distance)) % 4299) >= 3999
    found = insightface_tar(distance, same, fold_of_pair(len(same), 2), FAR)
    assert found is not None
    rates, thresholds = reference(distance.numpy(), same.numpy(), 2, "slinear")
    assert found.accuracy.tolist() == rates
    np.testing.assert_allclose(-found.threshold.numpy(), thresholds, rtol=0, atol=1e-12)
    assert 0 < found.mean < 1


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_linear_interpolation_of_real_rates(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    same = torch.arange(300) < 120
    distance = (torch.randn(300, generator=generator, dtype=torch.float64) * 0.4 + 2 - 0.8 * same).clamp(0, 4)
    distance, same = shuffled(distance, same, seed)
    found = insightface_tar(distance, same, fold_of_pair(300, 3), FAR)
    assert found is not None
    rates, thresholds = reference(distance.numpy(), same.numpy(), 3, "linear")
    assert found.accuracy.tolist() == rates
    np.testing.assert_allclose(-found.threshold.numpy(), thresholds, rtol=0, atol=1e-12)
    assert found.right.float().mean() == pytest.approx(float(found.num_correct.sum()) / 120)
    assert found.num_pairs.sum() == len(found.right) == 120


def test_a_rate_met_exactly_takes_the_last_cut_that_has_it() -> None:
    # 50 training impostor pairs: one, at .5, makes 0.02; the next at 1.0 makes more: the cut is 1.000
    impostor = torch.cat((torch.tensor([0.5, 1.0]), torch.full((48,), 2.0))).double()
    genuine = torch.tensor([0.9995, 1.0], dtype=torch.float64)
    distance = torch.cat((impostor, genuine, impostor, genuine))
    same = torch.arange(104) % 52 >= 50
    found = insightface_tar(distance, same, fold_of_pair(104, 2), FAR)
    assert found is not None
    assert found.threshold.tolist() == pytest.approx([-1.0, -1.0], abs=1e-12)
    assert found.right.tolist() == [True, False, True, False]


def test_impostors_that_are_all_beyond_the_grid_accept_nothing() -> None:
    distance = torch.full((104,), 4.0, dtype=torch.float64)
    same = torch.arange(104) % 52 >= 50
    distance[same] = 0.1
    found = insightface_tar(distance, same, fold_of_pair(104, 2), FAR)
    assert found is not None
    assert (found.threshold.tolist(), found.mean) == ([0.0, 0.0], 0.0)


def test_too_few_impostor_pairs_or_a_fold_without_genuine_ones_give_none() -> None:
    same = torch.arange(104) % 52 >= 50
    distance, fold = torch.rand(104, dtype=torch.float64), fold_of_pair(104, 2)
    assert insightface_tar(distance, same, fold, FAR) is not None
    assert insightface_tar(distance, same, fold, 0.0199) is None
    assert insightface_tar(distance, same & (fold == 0), fold, FAR) is None
