"""Search in two galleries: ranks and open-set rates of scores made by hand."""

import numpy as np
import pytest
import torch

from marginface.benchmark.ijb_identification import Enrolled, identification_outcome, mean_outcome
from marginface.embedding import Embeddings
from marginface.metric import groups_bootstrap
from marginface.outcome import Outcome, Units


def at(*degrees: float) -> Embeddings:
    """Unit features in the plane; the similarity of two falls with the angle between them."""
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return Embeddings.of(torch.stack([angle.cos(), angle.sin()], 1).float())


def enrolled(rows: list[int], subjects: list[int]) -> Enrolled:
    return Enrolled(torch.tensor(rows), torch.tensor(subjects))


# Rows 0 to 5 are enrolled: 10 at 0, 11 at 20, 12 at 40 degrees in the first gallery, 20, 21, 22 in the second.
FEATURES = at(0, 20, 40, 100, 120, 140, 1, 25, 32, 55, 103, 131, 133, 75)
GALLERIES = {"gallery1": enrolled([0, 1, 2], [10, 11, 12]), "gallery2": enrolled([3, 4, 5], [20, 21, 22])}
# 1 -> 10, right; 25 -> 11, right; 32 -> 11, wrong, 12 is nearer; 55 -> 12, right; 103 -> 20, right; 131 -> 21, wrong;
# 133 -> 22, right; 75 -> 20, right, yet far off.
PROBES = enrolled([6, 7, 8, 9, 10, 11, 12, 13], [10, 11, 11, 12, 20, 21, 22, 20])


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return identification_outcome(FEATURES, PROBES, GALLERIES, ranks=(1, 2, 5), fpirs=(0.25, 0.1), num_bootstrap=20)


def value(outcome: Outcome, name: str) -> float:
    return outcome.figures[name].value


def test_ranks_are_those_of_probes_with_a_mate_in_the_gallery(outcome: Outcome) -> None:
    assert value(outcome, "gallery1/rank-1") == pytest.approx(3 / 4)
    assert value(outcome, "gallery1/rank-2") == 1
    assert value(outcome, "gallery2/rank-1") == pytest.approx(3 / 4)
    assert value(outcome, "joint/rank-1") == pytest.approx(6 / 8)
    assert outcome.units["gallery1/rank-1"].value.tolist() == [1, 1, 0, 1]
    assert outcome.units["gallery1/rank-1"].group.tolist() == [10, 11, 11, 12]
    assert outcome.cmc["gallery1"] == [0.75, 1.0, 1.0]
    assert outcome.cmc.keys() == {"gallery1", "gallery2", "joint"}
    assert all(figure.over == "identities" for figure in outcome.figures.values())


def test_the_other_gallery_s_probes_raise_the_alarms(outcome: Outcome) -> None:
    """One of four searches may alarm. First gallery: alarms at 35, 63, 91, 93 degrees; mates within 63 that come first.
    Second gallery: alarms at 45, 68, 75, 99 degrees; mates within 68 that come first."""
    assert value(outcome, "gallery1/tpir@fpir=2.5e-1") == pytest.approx(3 / 4)
    assert value(outcome, "gallery2/tpir@fpir=2.5e-1") == pytest.approx(3 / 4)
    assert outcome.units["gallery2/tpir@fpir=2.5e-1"].value.tolist() == [1, 0, 1, 1]


def test_a_mate_below_the_threshold_is_not_found() -> None:
    """One of two searches may alarm. First gallery: alarms at 40 and 45 degrees, mates at 3 and 50. Second gallery:
    alarms at 40 and 87 degrees, mates at 50 and 45."""
    features = at(0, 90, 3, 50, 40, 45)
    galleries = {"gallery1": enrolled([0], [1]), "gallery2": enrolled([1], [2])}
    probes = enrolled([2, 3, 4, 5], [1, 1, 2, 2])
    found = identification_outcome(features, probes, galleries, ranks=(1,), fpirs=(0.5,), num_bootstrap=20)
    assert found.units["gallery1/tpir@fpir=5e-1"].value.tolist() == [1, 0]
    assert value(found, "gallery1/tpir@fpir=5e-1") == 0.5
    assert value(found, "gallery2/tpir@fpir=5e-1") == 1
    assert value(found, "mean/tpir@fpir=5e-1") == 0.75
    line = found.lines["gallery1/TPIR over FPIR"]
    assert (line.x, line.y) == ([0.5, 1.0], [0.5, 1.0])


def test_a_figure_that_the_searches_cannot_support_has_no_number(outcome: Outcome) -> None:
    assert "gallery1/tpir@fpir=1e-1" not in outcome.figures
    assert "needs 10 probes" in outcome.unsupported["gallery1/tpir@fpir=1e-1"]
    assert "needs 10 probes" in outcome.unsupported["mean/tpir@fpir=1e-1"]
    assert "more than 5" in outcome.unsupported["gallery1/rank-5"]
    assert "gallery1/rank-5" not in outcome.figures
    assert "joint/rank-5" in outcome.figures
    assert not {name for name in (*outcome.figures, *outcome.unsupported) if name.startswith("joint/tpir")}


def part(values: list[float], group: list[int]) -> Outcome:
    units = Units(np.array(values, np.float32), np.array(group))
    interval = groups_bootstrap(*map(torch.from_numpy, units), over="identities", num_bootstrap=5)
    return Outcome(figures={"rank-1": interval}, units={"rank-1": units})


def test_the_mean_weighs_galleries_alike_whatever_their_probes() -> None:
    found = mean_outcome([part([1, 1, 0, 1], [1, 1, 2, 3]), part([0, 1], [4, 5])])
    assert found.figures["rank-1"].value == pytest.approx((0.75 + 0.5) / 2)
    assert found.units["rank-1"].value.mean() == pytest.approx((0.75 + 0.5) / 2)
    assert found.units["rank-1"].group.tolist() == [1, 1, 2, 3, 4, 5]
    assert found.figures["rank-1"].low < 0.625 < found.figures["rank-1"].high


def test_the_mean_of_equal_galleries_is_theirs() -> None:
    found = mean_outcome([part([1, 0], [1, 2]), part([0, 1], [3, 4])])
    assert found.units["rank-1"].value.tolist() == [1, 0, 0, 1]


def test_what_was_left_out_is_kept() -> None:
    found = identification_outcome(
        FEATURES, PROBES, GALLERIES, ranks=(1,), fpirs=(), num_bootstrap=5, excluded={"templates": 3}
    )
    assert found.excluded == {"templates": 3}
    assert not found.unsupported
