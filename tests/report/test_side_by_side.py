from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from marginface.metric import Interval
from marginface.outcome import Outcome, Units
from marginface.report.side_by_side import headline, rows


def outcome(**values: float) -> Outcome:
    return Outcome(figures={name: Interval(value, value - 0.1, value + 0.1) for name, value in values.items()})


def with_units(right: int, number: int = 200, first_group: int = 0) -> Outcome:
    value = (np.arange(number) < right).astype(np.float32)
    units = Units(value, np.arange(number) + first_group)
    return replace(outcome(accuracy=right / number), units={"accuracy": units})


@pytest.mark.parametrize(
    ("figure", "best"), [("accuracy", 1), ("eer", 0), ("std/accuracy@strict", 0), ("asian/eer", 0), ("rank-1", 1)]
)
def test_the_best_is_the_highest_but_of_errors_the_lowest(figure: str, best: int) -> None:
    (row,) = rows([outcome(**{figure: 0.2}), outcome(**{figure: 0.3})])
    assert [cell.best for cell in row.cells] == [best == 0, best == 1]


def test_equal_values_have_no_best_one() -> None:
    (row,) = rows([outcome(accuracy=0.5), outcome(accuracy=0.5)])
    assert not any(cell.best for cell in row.cells)


def test_two_that_are_best_are_both_marked() -> None:
    (row,) = rows([outcome(accuracy=0.5), outcome(accuracy=0.4), outcome(accuracy=0.5)])
    assert [cell.best for cell in row.cells] == [True, False, True]


def test_what_has_no_number_says_why() -> None:
    short = Outcome(figures={}, unsupported={"accuracy": "needs 100 pairs, there are 3"})
    (row,) = rows([short, outcome(accuracy=0.5), outcome(), None])
    assert [cell.why for cell in row.cells] == ["needs 100 pairs, there are 3", "", "not reported", "not measured"]
    assert [cell.interval is None for cell in row.cells] == [True, False, True, True]
    assert row.no_number == ""
    assert rows([short, short])[0].no_number == "needs 100 pairs, there are 3"


def test_the_same_set_gets_a_paired_test_against_the_first_model() -> None:
    (row,) = rows([with_units(100), with_units(160), with_units(40), with_units(101)])
    better, worse, alike = row.tests
    assert [test.verdict for test in row.tests] == ["better", "worse", "not told apart"]
    assert better.result is not None
    assert worse.result is not None
    assert alike.result is not None
    assert better.result.difference.value == pytest.approx(0.3)
    assert worse.result.difference.value == pytest.approx(-0.3)
    assert better.result.p_value < 0.05 < alike.result.p_value
    assert better.result.difference.over == "pairs"


def test_a_lower_error_is_better() -> None:
    def as_error(right: int) -> Outcome:
        made = with_units(right)
        return Outcome(figures={"eer": made.figures["accuracy"]}, units={"eer": made.units["accuracy"]})

    (row,) = rows([as_error(100), as_error(40)])
    assert row.tests[0].verdict == "better"


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (with_units(100, number=199), "no paired test: not the same set"),
        (with_units(100, first_group=1), "no paired test: not the same set"),
        (outcome(accuracy=0.5), "no paired test: not a mean over units"),
        (None, ""),
    ],
)
def test_another_set_gets_no_paired_test(other: Outcome | None, why: str) -> None:
    (row,) = rows([with_units(100), other])
    assert row.tests[0].result is None
    assert row.tests[0].why == why


def test_what_was_resampled_is_said_once() -> None:
    (row,) = rows([outcome(accuracy=0.5), outcome(accuracy=0.6)])
    assert row.over == "pairs"
    other = Outcome(figures={"accuracy": Interval(0.5, 0.4, 0.6, "identities")})
    assert rows([outcome(accuracy=0.5), other])[0].over == "pairs, identities"


@pytest.mark.parametrize(
    ("figures", "wanted"),
    [
        (["accuracy@strict", "auc"], ["accuracy@strict"]),
        (["mean/accuracy", "std/accuracy", "mean/auc"], ["mean/accuracy", "std/accuracy"]),
        (["tar@far=1e-2", "tar@far=1e-4", "tar@far=1e-3"], ["tar@far=1e-4"]),
        (["rank-1@distractors=10", "rank-1@distractors=1e6", "tar@far=1e-6"], ["rank-1@distractors=1e6"]),
        ([], []),
    ],
)
def test_the_headline_is_the_first_figure_at_its_hardest(figures: list[str], wanted: list[str]) -> None:
    every = rows([outcome(**dict.fromkeys(figures, 0.5))])
    assert [row.figure for row in headline(every)] == wanted


def test_the_headline_has_a_number_if_there_is_one() -> None:
    short = Outcome(figures=outcome(**{"tar@far=1e-2": 0.5}).figures, unsupported={"tar@far=1e-4": "needs more"})
    assert [row.figure for row in headline(rows([short]))] == ["tar@far=1e-2"]


def test_the_demonstration_tells_the_models_apart(weak: Mapping[str, Outcome], strong: Mapping[str, Outcome]) -> None:
    for name in weak:
        for row in rows([weak[name], strong[name]]):
            assert row.tests[0].verdict in ("better", "not told apart", ""), row.figure
