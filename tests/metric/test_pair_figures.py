"""All figures of a hand-made list of scored pairs."""

import pytest
import torch

from marginface.metric import FoldAccuracy, auc, eer, pair_figures, roc
from marginface.metric.pair_figures import protocol_tars

SCORE = torch.tensor([0.9, 0.8, 0.7, 0.3, 0.6, 0.4, 0.2, 0.1])
SAME = torch.arange(8) < 4


def folds(*right: bool, tar: FoldAccuracy | None = None) -> FoldAccuracy:
    """Two folds of equal size."""
    parts = torch.tensor(right).reshape(2, -1)
    size = torch.full((2,), parts.shape[1])
    return FoldAccuracy(parts.sum(1), size, torch.zeros(2), parts.flatten(), tar)


def test_every_figure_has_its_value_and_an_interval() -> None:
    own = folds(True, True, True, False)
    accuracy = {"strict": folds(*[True] * 6, False, True), "insightface": folds(*[True] * 8, tar=own)}
    found = pair_figures(SCORE, SAME, accuracy, [0.5, 0.25, 0.1], num_bootstrap=200)
    values = {name: figure.value for name, figure in found.items()}
    assert values == {
        "accuracy@strict": pytest.approx(7 / 8),
        "accuracy@insightface": 1.0,
        "auc": float(auc(roc(SCORE, SAME))),
        "eer": float(eer(roc(SCORE, SAME))),
        "tar@far=5e-1": 1.0,  # two impostor pairs may pass, .6 and .4
        "tar@far=2.5e-1": 0.75,  # one may
        "tar@insightface_far=1e-3": pytest.approx(3 / 4),
    }
    assert list(values) == [*list(values)[:6], "tar@insightface_far=1e-3"]
    assert all(figure.low <= figure.value <= figure.high for figure in found.values())
    assert found["tar@insightface_far=1e-3"].low < 3 / 4


def test_only_protocols_with_a_rule_of_their_own_have_such_a_rate() -> None:
    assert protocol_tars({"strict": folds(True, True), "insightface": folds(True, True)}) == {}
