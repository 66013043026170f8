"""Pair lists with folds of their own."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from marginface.benchmark.listed_pairs import ListedPairs
from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pair_lists import ListedPair, Origin
from marginface.data.pairs import FacePairs, write_pairs
from marginface.embedding import Embeddings
from marginface.metric import PROTOCOLS

NAMES = "abcdefghijklmnopqrstuvwxyz"


class Letters(ListedPairs):
    """24 pairs of neighbouring letters in 3 folds of 8, one of each two alike."""

    origin = Origin("Letters", "the alphabet", "files named by letters")

    def lists(self) -> list[Path]:
        return [self.path / "list"]

    def listed(self) -> list[ListedPair]:
        return [ListedPair(NAMES[i], NAMES[i + 1], i % 2 == 0, i // 8, f"line {i + 1}") for i in range(24)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in [*NAMES[:25], "list"]:
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def random_embeddings(num_images: int) -> Embeddings:
    generator = torch.Generator().manual_seed(0)
    return Embeddings.of(
        torch.randn(num_images, 6, generator=generator), torch.randn(num_images, 6, generator=generator)
    )


def test_complete_lists_give_the_figures_of_the_same_pairs_in_a_bin(root: Path, tmp_path: Path) -> None:
    listed = Letters(root, num_folds=3)
    write_pairs(tmp_path / "letters.bin", listed.pairs)
    packed = Letters(tmp_path / "letters.bin", num_folds=3)
    assert list(packed.images) == list(listed.images) == [name.encode() for name in NAMES[:25]]
    embeddings = random_embeddings(25)
    ours, theirs = listed.evaluate(embeddings), packed.evaluate(embeddings)
    assert ours.figures == theirs.figures
    assert list(ours.figures)[:4] == ["accuracy@sphereface", "accuracy@insightface", "accuracy@strict", "auc"]
    assert ours.excluded == theirs.excluded == {}
    metric = listed.metric()
    metric.update(torch.arange(25), embeddings.plain, embeddings.flipped)
    assert dict(metric.compute()) == dict(ours.figures)


def test_every_pair_stays_in_its_fold_when_others_are_left_out(root: Path) -> None:
    for name in ("b", "d", "r"):
        (root / name).unlink()
    benchmark = Letters(root, on_missing="exclude", num_folds=3, num_bootstrap=10)
    assert benchmark.excluded == {"pairs with a missing image": 6}
    assert benchmark.fold.tolist() == [0] * 4 + [1] * 8 + [2] * 6
    assert len(benchmark.images) == 20  # nor have a and c a pair left
    embeddings = random_embeddings(20)
    outcome = benchmark.evaluate(embeddings)
    pairs = benchmark.pairs
    parts = (torch.from_numpy(part) for part in (pairs.first, pairs.second, pairs.same, benchmark.fold))
    images = (embeddings.plain, embeddings.flipped, *parts)
    for name, protocol in PROTOCOLS.items():
        assert outcome.figures[f"accuracy@{name}"].value == pytest.approx(protocol(*images).mean)
        assert torch.from_numpy(outcome.units[f"accuracy@{name}"].value).bool().equal(protocol(*images).right)
    assert outcome.excluded == {"pairs with a missing image": 6}
    metric = benchmark.metric()
    metric.update(torch.arange(20), embeddings.plain, embeddings.flipped)
    assert metric.compute()["accuracy@strict"] == outcome.figures["accuracy@strict"]


def test_left_out_pairs_are_counted_once_by_their_place_in_the_list(root: Path) -> None:
    (root / "a").unlink()
    benchmark = Letters(root, on_missing="exclude", num_folds=3)
    left = benchmark.leave_out(benchmark.pairs, np.array([0, 1, 23]), "odd pairs")
    assert benchmark.excluded == {"pairs with a missing image": 1, "odd pairs": 2}
    assert len(left) == 21
    assert (left.images[left.first[0]], left.images[left.second[-1]]) == (b"c", b"x")
    assert benchmark._fold is not None
    assert benchmark._fold.tolist() == [0] * 6 + [1] * 8 + [2] * 7


def test_a_fold_without_any_pair_is_refused(root: Path) -> None:
    for name in NAMES[8:17]:
        (root / name).unlink()
    with pytest.raises(PairsError, match=r"no pair is left in the folds \[2\] of 3 \(10 pairs with a missing image\)"):
        Letters(root, on_missing="exclude", num_folds=3).check()


def test_missing_data_and_wrong_settings(root: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"absent is neither a \.bin file nor a folder.*Letters comes from"):
        Letters(root / "absent")
    with pytest.raises(ValueError, match="on_missing='skip'"):
        Letters(root, on_missing="skip")
    with pytest.raises(ValueError, match=r"num_folds=10, but the lists in .* have 3"):
        Letters(root).check()
    with pytest.raises(ValueError, match="protocols has unknown"):
        Letters(root, num_folds=3, protocols=["lenient"]).check()
    (root / "q").unlink()
    with pytest.raises(DataNotFoundError, match=r"1 of the 25 images .* the first is q \(line 16\)"):
        Letters(root, num_folds=3).check()
    (root / "list").unlink()
    with pytest.raises(DataNotFoundError, match=r"list is missing\..*Expected files named by letters"):
        Letters(root, num_folds=3).check()


def test_images_may_lie_in_another_folder_and_the_set_travels_to_workers(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lists = tmp_path_factory.mktemp("lists")
    (lists / "list").touch()
    benchmark = pickle.loads(pickle.dumps(Letters(lists, images=str(root), num_folds=3)))
    assert isinstance(benchmark.pairs, FacePairs)
    assert benchmark.images[1] == b"b"
    assert benchmark.images.where(1) == str(root / "b")
