"""Distractors at each size: from lists of their own, or as the beginnings of the largest."""

from pathlib import Path

import numpy as np
import pytest

from marginface.data.benchmark_files.megaface_distractors import list_name, read_distractors, without
from marginface.data.benchmark_files.megaface_lists import PhotoList, write_photo_list
from marginface.data.errors import DataNotFoundError


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    write_photo_list(tmp_path / list_name(5, 1), PhotoList(list("abcde")))
    write_photo_list(tmp_path / list_name(2, 1), PhotoList(["d", "x"]))  # x is in no other list
    return tmp_path


def test_names_of_the_official_lists() -> None:
    assert list_name(1_000_000, 1) == "megaface_features_list.json_1000000_1"


def test_each_size_has_its_own_list(lists: Path) -> None:
    read = read_distractors(lists, [2, 3, 5], 1, "lists")
    assert list(read.path) == list("abcdex")
    assert read.num_whole == 5
    assert {size: rows.tolist() for size, rows in read.subset.items()} == {2: [3, 5], 5: [0, 1, 2, 3, 4]}
    assert list(read.unsupported) == [3]
    assert "no list megaface_features_list.json_3_1" in read.unsupported[3]
    assert "subsets=prefix" in read.unsupported[3]


def test_each_size_is_the_beginning_of_the_largest(lists: Path) -> None:
    read = read_distractors(lists, [2, 3, 5], 1, "prefix")
    assert list(read.path) == list("abcde")
    assert {size: rows.tolist() for size, rows in read.subset.items()} == {2: [0, 1], 3: [0, 1, 2], 5: [0, 1, 2, 3, 4]}
    assert read.unsupported == {}


@pytest.mark.parametrize("subsets", ["lists", "prefix"])
def test_a_list_that_is_shorter_than_its_name_supports_less(subsets: str, lists: Path) -> None:
    (lists / list_name(5, 1)).rename(lists / list_name(6, 1))
    read = read_distractors(lists, [2, 6], 1, subsets)
    assert read.num_whole == 5
    assert list(read.subset) == [2]
    assert read.unsupported == {6: "needs 6 distractors, megaface_features_list.json_6_1 has 5"}


def test_a_list_that_is_longer_than_its_name_is_cut(lists: Path) -> None:
    (lists / list_name(5, 1)).rename(lists / list_name(4, 1))
    assert list(read_distractors(lists, [4], 1, "lists").path) == list("abcd")


def test_the_largest_list_must_be_there_for_the_set_that_is_asked_for(lists: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"json_7_1 is missing; .* holds megaface_features_list\.json_2_1"):
        read_distractors(lists, [2, 7], 1, "lists")
    with pytest.raises(DataNotFoundError, match="json_5_2 is missing"):
        read_distractors(lists, [2, 5], 2, "lists")


def test_left_out_distractors_shrink_every_size_that_had_them(lists: Path) -> None:
    read = read_distractors(lists, [1, 2, 5], 1, "prefix")
    left = without(read, np.array([True, False, False, True, False]))
    assert list(left.path) == list("bce")
    assert left.num_whole == 3
    assert {size: rows.tolist() for size, rows in left.subset.items()} == {2: [0], 5: [0, 1, 2]}
    assert left.unsupported == {1: "all of its 1 distractors are left out"}


def test_left_out_distractors_of_lists_of_their_own(lists: Path) -> None:
    left = without(read_distractors(lists, [2, 5], 1, "lists"), np.array([False, True, False, False, False, False]))
    assert list(left.path) == list("acdex")
    assert left.num_whole == 4
    assert [left.path[row] for row in left.subset[2]] == ["d", "x"]
    assert [left.path[row] for row in left.subset[5]] == list("acde")
