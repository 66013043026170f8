"""Pairs of videos: pooling against the double loop over frames, folds of the list, frames that are missing."""

import pickle
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from marginface.benchmark.ytf import YTF, mean_feature, mean_score
from marginface.data.errors import DataNotFoundError, PairsError
from marginface.embedding import Embeddings

LENGTHS = (1, 3, 2)  # of the videos of a person


def write(root: Path, num_folds: int = 2) -> Path:
    """Lists and empty frames: two people a fold with three videos each."""
    rows = []
    for fold in range(num_folds):
        one, other = f"P{2 * fold}", f"P{2 * fold + 1}"
        for person in (one, other):
            for video, length in enumerate(LENGTHS):
                (root / "aligned_images_DB" / person / str(video)).mkdir(parents=True)
                for frame in range(length):
                    (root / "aligned_images_DB" / person / str(video) / f"aligned_detect_{video}.{frame}.jpg").touch()
        pairs = [(f"{p}/{a}", f"{p}/{b}", 1) for p in (one, other) for a, b in ((0, 1), (1, 2))]
        pairs += [(f"{one}/{a}", f"{other}/{b}", 0) for a in (0, 1) for b in (1, 2)]
        rows += [f"{fold + 1}, {n}, {a}, {b}, {same}" for n, (a, b, same) in enumerate(pairs, start=1)]
    (root / "splits.txt").write_text("\n".join(rows))
    return root


def embedded(benchmark: YTF, noise: float) -> Embeddings:
    """Both views of each frame: the person's direction with noise, and another length."""
    generator = torch.Generator().manual_seed(1)
    person = torch.tensor([int(name[1 : name.index("/")]) for name in benchmark.images.names])
    frames = torch.eye(8)[person] + noise * torch.randn(len(person), 8, generator=generator)
    length = 1 + 9 * torch.rand(len(person), 1, generator=generator)
    return Embeddings.of(frames * length, frames.flip(0), "concat")


def by_double_loop(left: Tensor, right: Tensor) -> Tensor:
    return torch.stack([functional.cosine_similarity(a, b, dim=0) for a in left for b in right]).mean()


def test_poolings_agree_with_their_definitions(tmp_path: Path) -> None:
    benchmark = YTF(write(tmp_path))
    embeddings = embedded(benchmark, noise=0.5)
    merged, starts = embeddings.merged(slice(None)).double(), benchmark.starts
    videos = [merged[start:stop] for start, stop in pairwise(starts)]
    assert sorted(map(len, videos)) == sorted(LENGTHS * 4)
    first, second = torch.from_numpy(benchmark.pairs.first), torch.from_numpy(benchmark.pairs.second)
    pairs = [(videos[a], videos[b]) for a, b in zip(first, second, strict=True)]
    expected = torch.stack([by_double_loop(a, b) for a, b in pairs])
    assert torch.allclose(mean_score(embeddings, starts, first, second), expected, atol=1e-12)
    expected = torch.stack([functional.cosine_similarity(a.mean(0), b.mean(0), dim=0) for a, b in pairs])
    assert torch.allclose(mean_feature(embeddings, starts, first, second), expected, atol=1e-12)


def test_figures_of_both_poolings_with_intervals_over_pairs(tmp_path: Path) -> None:
    benchmark = YTF(write(tmp_path, num_folds=3), fars=[0.1, 0.01], num_bootstrap=30)
    outcome = benchmark.evaluate(embedded(benchmark, noise=0.05))
    assert set(outcome.figures) == {
        *("accuracy@mean_feature", "mean_feature/auc", "mean_feature/eer", "mean_feature/tar@far=1e-1"),
        *("accuracy@mean_score", "mean_score/auc", "mean_score/eer", "mean_score/tar@far=1e-1"),
    }
    assert outcome.figures["accuracy@mean_feature"].value == outcome.figures["mean_score/auc"].value == 1
    assert {figure.over for figure in outcome.figures.values()} == {"pairs"}
    assert set(outcome.unsupported) == {"mean_feature/tar@far=1e-2", "mean_score/tar@far=1e-2"}
    assert "there are 12" in outcome.unsupported["mean_score/tar@far=1e-2"]
    assert set(outcome.roc) == set(outcome.histogram) == {"mean_feature", "mean_score"}
    assert len(outcome.units["accuracy@mean_score"].value) == len(benchmark.pairs.same) == 24
    shown = {(benchmark.images.names[p.first], benchmark.images.names[p.second]) for p in outcome.hardest if p.same}
    assert ("P0/0/aligned_detect_0.0.jpg", "P0/1/aligned_detect_1.1.jpg") in shown  # by the middle frames


def test_accuracy_is_cross_validated_in_the_folds_of_the_list(tmp_path: Path) -> None:
    benchmark = YTF(write(tmp_path), poolings=["mean_feature"], num_bootstrap=5)
    lines = (tmp_path / "splits.txt").read_text().splitlines()
    (tmp_path / "splits.txt").write_text("\n".join(lines[::2] + lines[1::2]))  # the folds are not contiguous
    assert benchmark.pairs.fold.tolist() == [0] * 4 + [1] * 4 + [0] * 4 + [1] * 4
    # Everybody in the first fold looks alike, so each fold gets a threshold from the other one that accepts all of its
    # own impostors or is no use; contiguous folds would see both kinds and be right in 12 of 16 pairs.
    person = torch.tensor([int(name[1]) for name in benchmark.images.names])
    outcome = benchmark.evaluate(Embeddings.of(torch.eye(2)[(person == 3).long()]))
    assert outcome.units["accuracy@mean_feature"].value.tolist() == benchmark.pairs.same.tolist()
    assert outcome.figures["accuracy@mean_feature"].value == 0.5


def test_frames_may_be_fewer(tmp_path: Path) -> None:
    benchmark = YTF(write(tmp_path), num_frames=2, selection="even")
    assert len(benchmark.images) == 4 * (1 + 2 + 2)
    assert "P0/1/aligned_detect_1.1.jpg" in benchmark.images.names
    assert "P0/1/aligned_detect_1.2.jpg" not in benchmark.images.names


def test_another_list_and_other_folders(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "splits.txt").rename(tmp_path / "splits_corrected.txt")
    (tmp_path / "aligned_images_DB").rename(tmp_path / "mine")
    benchmark = pickle.loads(pickle.dumps(YTF(tmp_path, "splits_corrected.txt", "mine")))
    benchmark.check()
    assert benchmark.images[0] == b""


def test_missing_frames_are_refused_or_their_pairs_counted(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "aligned_images_DB/P0/0/aligned_detect_0.0.jpg").unlink()
    with pytest.raises(DataNotFoundError, match=r"1 of the 12 videos.*first is P0/0.*on_missing=exclude"):
        YTF(tmp_path).check()
    benchmark = YTF(tmp_path, on_missing="exclude", num_bootstrap=5)
    assert len(benchmark.pairs.same) == 16 - 3
    assert not any(name.startswith("P0/0/") for name in benchmark.images.names)
    outcome = benchmark.evaluate(embedded(benchmark, noise=0.01))
    assert outcome.excluded == {"pairs with a missing video": 3}
    assert outcome.figures["accuracy@mean_score"].value == 1


def test_a_fold_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    for frame in (write(tmp_path) / "aligned_images_DB").glob("P[23]/*/*"):
        frame.unlink()
    with pytest.raises(PairsError, match=r"no pair is left in split 2 of 2.*8"):
        YTF(tmp_path, on_missing="exclude").check()


def test_data_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"absent is no folder.*wolf/ytfaces.*aligned_images_DB/<person>"):
        YTF(tmp_path / "absent")
    write(tmp_path)
    with pytest.raises(DataNotFoundError, match=r"12 of the 12 videos.*elsewhere is no folder"):
        YTF(tmp_path, frames="elsewhere", on_missing="exclude").check()
    (tmp_path / "splits.txt").unlink()
    with pytest.raises(DataNotFoundError, match=r"splits\.txt is missing"):
        YTF(tmp_path).check()


def test_settings_out_of_range(tmp_path: Path) -> None:
    for wrong in (
        {"poolings": ["max"]},
        {"poolings": []},
        {"num_frames": 0},
        {"selection": "last"},
        {"on_missing": "x"},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            YTF(tmp_path, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fars"):
        YTF(write(tmp_path), fars=[0.0]).check()


def test_embeddings_of_other_images_or_not_finite_are_refused(tmp_path: Path) -> None:
    benchmark = YTF(write(tmp_path))
    with pytest.raises(ValueError, match="there are 3 embeddings for 24 images"):
        benchmark.evaluate(Embeddings.of(torch.ones(3, 2)))
    rows = torch.ones(24, 2)
    rows[5, 1] = torch.nan
    with pytest.raises(ValueError, match=r"not finite.*P0/2/aligned_detect_2\.1\.jpg"):
        benchmark.evaluate(Embeddings.of(rows))
