"""Pairs of one's own: from lists, and drawn from folders."""

from pathlib import Path

import numpy as np
import pytest
import torch

from marginface.benchmark.own_pairs import OwnPairs
from marginface.data.errors import DataNotFoundError, PairsError
from marginface.embedding import Embeddings

NUM_PEOPLE, NUM_IMAGES = 8, 3


def write(root: Path, *lines: str) -> Path:
    for person in range(NUM_PEOPLE):
        (root / f"p{person}").mkdir()
        for number in range(NUM_IMAGES):
            (root / f"p{person}" / f"{number}.jpg").touch()
    (root / "list.txt").write_text("\n".join(lines))
    return root


def people(benchmark: OwnPairs) -> torch.Tensor:
    return torch.tensor([int(Path(benchmark.images.where(i)).parent.name[1:]) for i in range(len(benchmark.images))])


UNEVEN = ["p0/0.jpg p0/1.jpg 1 5", "p1/0.jpg p2/0.jpg 0 2", "p1/0.jpg p1/2.jpg 1 2", "p3/0.jpg p4/0.jpg 0 5"]
UNEVEN += ["p5/0.jpg p5/1.jpg 1 2"]


def test_every_pair_stays_in_the_fold_that_the_list_names(tmp_path: Path) -> None:
    benchmark = OwnPairs(write(tmp_path, *UNEVEN), "list.txt", num_folds=2, fars=[0.5], num_bootstrap=10)
    benchmark.check()
    assert benchmark.fold.tolist() == [0, 0, 0, 1, 1]
    assert benchmark.pairs.same.tolist() == [False, True, True, True, False]
    outcome = benchmark.evaluate(Embeddings.of(torch.eye(NUM_PEOPLE)[people(benchmark)]))
    assert outcome.figures["accuracy@strict"].value == outcome.figures["tar@far=5e-1"].value == 1
    assert {figure.over for figure in outcome.figures.values()} == {"pairs"}
    assert outcome.excluded == {}


def test_a_list_with_the_label_first_is_cut_as_it_stands(tmp_path: Path) -> None:
    lines = [f"{int(p % 2 == 0)} p{p}/0.jpg p{p + p % 2}/1.jpg" for p in range(6)]
    benchmark = OwnPairs(write(tmp_path, *lines), tmp_path / "list.txt", "label_paths", num_folds=2)
    assert benchmark.fold.tolist() == [0, 0, 0, 1, 1, 1]
    assert benchmark.pairs.same.tolist() == [True, False] * 3


def test_without_a_list_pairs_are_drawn_in_folds_that_share_nobody(tmp_path: Path) -> None:
    benchmark = OwnPairs(write(tmp_path), num_folds=2, num_pairs=16, seed=3, fars=[0.2], num_bootstrap=5)
    benchmark.check()
    person, pairs = people(benchmark).numpy(), benchmark.pairs
    assert len(pairs) == 16
    assert pairs.same.tolist() == [True, False] * 8
    assert np.array_equal(person[pairs.first] == person[pairs.second], pairs.same)
    folds = [{*person[pairs.first][benchmark.fold == f], *person[pairs.second][benchmark.fold == f]} for f in (0, 1)]
    assert not folds[0] & folds[1]
    outcome = benchmark.evaluate(Embeddings.of(torch.eye(NUM_PEOPLE)[torch.from_numpy(person)]))
    assert outcome.figures["accuracy@insightface"].value == 1
    again = OwnPairs(tmp_path, num_folds=2, num_pairs=16, seed=3)
    assert np.array_equal(again.pairs.first, pairs.first)
    assert [again.images.where(i) for i in range(5)] == [benchmark.images.where(i) for i in range(5)]


def test_more_pairs_than_the_folders_can_give(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match=r"num_pairs=6000.*at most num_pairs="):
        OwnPairs(write(tmp_path), num_folds=2).check()


def test_missing_images_are_refused_or_their_pairs_counted(tmp_path: Path) -> None:
    write(tmp_path, *UNEVEN)
    (tmp_path / "p1/2.jpg").unlink()
    with pytest.raises(DataNotFoundError, match=r"1 of the 9 images.*p1/2\.jpg.*on_missing=exclude"):
        OwnPairs(tmp_path, "list.txt", num_folds=2).check()
    benchmark = OwnPairs(tmp_path, "list.txt", num_folds=2, on_missing="exclude", num_bootstrap=5)
    benchmark.check()
    assert benchmark.fold.tolist() == [0, 0, 1, 1]
    outcome = benchmark.evaluate(Embeddings.of(torch.eye(NUM_PEOPLE)[people(benchmark)]))
    assert list(outcome.excluded.values()) == [1]


def test_another_number_of_folds_than_the_list_has(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"num_folds=10.*2"):
        OwnPairs(write(tmp_path, *UNEVEN), "list.txt").check()


def test_folders_and_lists_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="absent"):
        OwnPairs(tmp_path / "absent")
    (tmp_path / "faces.bin").touch()
    with pytest.raises(DataNotFoundError, match="is no folder"):
        OwnPairs(tmp_path / "faces.bin")
    with pytest.raises(DataNotFoundError, match=r"pairs=list\.txt is no file below"):
        OwnPairs(tmp_path, "list.txt")


def test_unknown_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="layout='csv'"):
        OwnPairs(tmp_path, layout="csv")
    with pytest.raises(ValueError, match="on_missing='skip'"):
        OwnPairs(tmp_path, on_missing="skip")
