"""Jobs of a sweep over folds taken together."""

import math
from collections.abc import Sequence

import pytest

from marginface.sweep.folds import confusion_rows, folds_rows, over_folds, pooled, spread
from marginface.sweep.jobs import Job


def job(number: int, fold: int, accuracy: float, counts: Sequence[Sequence[int]], *more: str, **kwargs) -> Job:
    """A completed job with one figure and the confusion matrix of two classes."""
    figure = {"value": accuracy, "low": 0.0, "high": 1.0, "over": "identities"}
    values = {
        "status": "completed",
        "figures": {"ck_plus": {"accuracy": figure}},
        "confusion": {"ck_plus": {"names": ["anger", "fear"], "counts": counts}},
    }
    return Job(number, ["experiment=ck_plus", f"data.source.fold={fold}", *more], **(values | kwargs))


THREE = [
    job(0, 0, 0.5, [[1, 1], [0, 0]]),
    job(1, 1, 1.0, [[2, 0], [0, 4]]),
    job(2, 2, 0.6, [[0, 1], [1, 3]]),
]


def test_mean_deviation_and_pooled_accuracy() -> None:
    (folds,) = over_folds(THREE)
    found = spread(folds, "ck_plus/accuracy")
    assert found.mean == pytest.approx(0.7)
    assert found.deviation == pytest.approx(math.sqrt((0.2**2 + 0.3**2 + 0.1**2) / 2))
    assert found.num_folds == 3
    (matrix,) = pooled(folds)
    assert matrix.counts == [[3, 2], [1, 7]]
    assert matrix.accuracy == pytest.approx(10 / 13)  # not the mean of the folds' accuracies
    header, row = folds_rows([folds], ["ck_plus/accuracy"])
    assert header == ["folds", "ck_plus/accuracy", "ck_plus pooled accuracy"]
    assert row == ["3 of 3", "0.7000 ± 0.2646", "0.7692"]


def test_other_overrides_tell_groups_apart() -> None:
    jobs = [each._replace(overrides=[*each.overrides, f"head={head}"]) for head in ("a", "b") for each in THREE[:2]]
    groups = over_folds(jobs)
    assert [dict(group.choice) for group in groups] == [{"head": "a"}, {"head": "b"}]
    assert [len(group.jobs) for group in groups] == [2, 2]
    header, *rows = folds_rows(groups, ["ck_plus/accuracy"])
    assert header[:2] == ["head", "folds"]
    assert [row[:2] for row in rows] == [["a", "2 of 2"], ["b", "2 of 2"]]


def test_an_override_that_some_jobs_lack_is_a_choice_too() -> None:
    jobs = [*THREE[:2], *(each._replace(overrides=[*each.overrides, "seed=1"]) for each in THREE[:2])]
    first, second = over_folds(jobs)
    assert (dict(first.choice), dict(second.choice)) == ({}, {"seed": "1"})
    assert [row[0] for row in folds_rows([first, second], [])] == ["seed", "", "1"]


@pytest.mark.parametrize(
    "overrides",
    [
        [["head=a"], ["head=b"]],  # no fold
        [["data.source.fold=1", "head=a"], ["data.source.fold=1", "head=b"]],  # one fold only
        [["a.fold=0", "b.fold=0"], ["a.fold=1", "b.fold=1"]],  # which of them?
        [["data.num_validation_folds=2"], ["data.num_validation_folds=3"]],
        [],
    ],
)
def test_other_sweeps_have_no_folds(overrides: list[list[str]]) -> None:
    assert over_folds([Job(i, words) for i, words in enumerate(overrides)]) == []


def test_a_failed_fold_is_told_and_not_counted() -> None:
    failed = Job(3, ["experiment=ck_plus", "data.source.fold=3"], "failed", "ValueError: no")
    (folds,) = over_folds([*THREE, failed])
    assert folds_rows([folds], ["ck_plus/accuracy"])[1] == ["3 of 4", "0.7000 ± 0.2646", "0.7692"]


def test_a_figure_that_some_folds_lack_says_how_many_it_is_of() -> None:
    lacking = job(2, 2, math.nan, [], confusion={})
    (folds,) = over_folds([*THREE[:2], lacking])
    assert folds_rows([folds], ["ck_plus/accuracy", "lfw/auc"])[1] == [
        *("3 of 3", "0.7500 ± 0.3536 (2 folds)", "", "0.8750 (2 folds)")
    ]


def test_a_single_fold_has_no_deviation() -> None:
    (folds,) = over_folds([THREE[0], THREE[1]._replace(status="failed")])
    assert folds_rows([folds], ["ck_plus/accuracy"])[1] == ["1 of 2", "0.5000", "0.5000"]


def test_jobs_without_confusion_have_no_pooled_accuracy() -> None:
    (folds,) = over_folds([each._replace(confusion={}) for each in THREE])
    assert pooled(folds) == []
    assert folds_rows([folds], ["ck_plus/accuracy"]) == [["folds", "ck_plus/accuracy"], ["3 of 3", "0.7000 ± 0.2646"]]


def test_matrices_of_other_classes_are_not_added() -> None:
    other = {"ck_plus": {"names": ["anger", "joy"], "counts": [[9, 9], [9, 9]]}}
    (folds,) = over_folds([*THREE[:2], THREE[2]._replace(confusion=other)])
    assert [(m.names, m.num_folds) for m in pooled(folds)] == [(("anger", "fear"), 2), (("anger", "joy"), 1)]


def test_the_long_table_has_a_row_for_each_pair_of_classes() -> None:
    rows = confusion_rows(over_folds([each._replace(overrides=[*each.overrides, "seed=1"]) for each in THREE]))
    assert rows == [
        ["benchmark", "true", "predicted", "count"],
        ["ck_plus", "anger", "anger", 3],
        ["ck_plus", "anger", "fear", 2],
        ["ck_plus", "fear", "anger", 1],
        ["ck_plus", "fear", "fear", 7],
    ]
