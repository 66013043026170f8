"""AUC, EER and the curve against TorchMetrics and scikit-learn, where they define the same."""

import pytest
import torch
from torch import Tensor
from torchmetrics.classification import BinaryAUROC, BinaryEER, BinaryROC

from marginface.metric import Roc, auc, eer, roc


def scores(seed: int, tied: bool) -> tuple[Tensor, Tensor]:
    """Cosines in [-1, 1], which TorchMetrics would squash unless told not to."""
    generator = torch.Generator().manual_seed(seed)
    same = torch.rand(400, generator=generator) < 0.4
    score = (torch.randn(400, generator=generator).double() * 0.25 + 0.4 * same).clamp(-1, 1)
    return (score.mul(20).round() / 20 if tied else score), same


CASES = pytest.mark.parametrize(("seed", "tied"), [(0, False), (1, False), (2, True), (3, True)])


def points(curve: Roc) -> Tensor:
    return torch.stack((curve.far, curve.tar, curve.threshold), dim=1)


@CASES
def test_torchmetrics(seed: int, tied: bool) -> None:
    score, same = scores(seed, tied)
    curve, target = roc(score, same), same.long()
    assert score.min() < 0
    far, tar, threshold = BinaryROC(normalization=None)(score, target)
    torch.testing.assert_close(
        points(curve)[1:], torch.stack((far, tar, threshold), dim=1)[1:].double(), rtol=0, atol=1e-6
    )
    assert (float(far[0]), float(tar[0])) == (float(curve.far[0]), float(curve.tar[0])) == (0, 0)
    assert float(auc(curve)) == pytest.approx(float(BinaryAUROC(normalization=None)(score, target)), abs=1e-6)
    # theirs is the mean of both rates at the point where they are closest: half a gap at most from where the lines meet
    gap = (curve.far + curve.tar - 1).abs().min()
    assert abs(float(eer(curve)) - float(BinaryEER(normalization=None)(score, target))) <= float(gap) / 2 + 1e-6


def test_torchmetrics_has_the_same_eer_where_the_curve_has_the_point() -> None:
    score = torch.tensor([0.9, 0.8, 0.2, 0.7, 0.1, -0.3])
    same = torch.tensor([True, True, True, False, False, False])
    found = float(eer(roc(score, same)))
    assert found == pytest.approx(1 / 3, abs=1e-6)
    assert found == pytest.approx(float(BinaryEER(normalization=None)(score, same.long())), abs=1e-6)


@CASES
def test_scikit_learn(seed: int, tied: bool) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not among the dependencies")
    score, same = scores(seed, tied)
    curve = roc(score, same)
    theirs = metrics.roc_curve(same.numpy(), score.numpy(), drop_intermediate=False)
    expected = torch.stack([torch.from_numpy(part) for part in theirs], dim=1)
    torch.testing.assert_close(points(curve), expected, rtol=0, atol=1e-6)
    assert float(auc(curve)) == pytest.approx(metrics.roc_auc_score(same.numpy(), score.numpy()), abs=1e-6)
