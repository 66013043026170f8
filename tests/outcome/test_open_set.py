"""Open-set identification of hand-made scores."""

import pytest
import torch

from marginface.outcome import Outcome
from marginface.outcome.open_set import open_set_outcome

SCORE = torch.tensor([0.9, 0.8, 0.7, 0.3])
RIGHT = torch.tensor([True, False, True, True])
IDENTITY = torch.tensor([0, 0, 1, 2])


def outcome(nonmate: list[float], *fpirs: float) -> Outcome:
    return open_set_outcome(SCORE, RIGHT, IDENTITY, torch.tensor(nonmate), fpirs=fpirs, num_bootstrap=20)


def test_a_mate_counts_if_it_is_first_and_above_the_threshold() -> None:
    # one of ten searches may return a candidate: 0.75 does, 0.6 is the highest score to be rejected
    result = outcome([0.1, 0.75, 0.6, *[0.0] * 7], 0.1)
    assert result.figures["tpir@fpir=1e-1"].value == 0.5
    assert result.figures["tpir@fpir=1e-1"].over == "identities"
    assert result.units["tpir@fpir=1e-1"].value.tolist() == [1, 0, 1, 0]


def test_a_score_equal_to_the_threshold_is_rejected() -> None:
    assert outcome([0.95, 0.7, *[0.0] * 8], 0.1).units["tpir@fpir=1e-1"].value.tolist() == [1, 0, 0, 0]
    assert outcome([0.95, 0.95, *[0.0] * 8], 0.1).figures["tpir@fpir=1e-1"].value == 0


def test_rates_without_support_get_no_number() -> None:
    result = outcome([0.5] * 12, 0.1, 0.01)
    assert list(result.figures) == ["tpir@fpir=1e-1"]
    assert result.unsupported["tpir@fpir=1e-2"] == (
        "needs 100 probes of people who are not in the gallery, there are 12"
    )
    closed = outcome([], 0.1)
    assert "there are 0" in closed.unsupported["tpir@fpir=1e-1"]
    assert (closed.figures, closed.lines) == ({}, {})


def test_the_curve_runs_from_one_candidate_to_all() -> None:
    line = outcome([0.75, 0.6, 0.1, 0.0], 0.5).lines["TPIR over FPIR"]
    assert line.x == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert line.y == pytest.approx([0.5, 0.75, 0.75, 0.75])  # the wrong one is never found
