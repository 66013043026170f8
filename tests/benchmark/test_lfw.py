"""LFW from its original list."""

import shutil
from pathlib import Path

import pytest
import torch

from marginface.benchmark.lfw import LFW
from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.layout.lfw import write_lfw
from marginface.data.pairs import write_pairs
from marginface.embedding import Embeddings

WRONG = "pairs known to be wrongly labelled"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lfw")
    write_lfw(root, num_folds=3)
    return root


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "lfw"))


def embeddings(benchmark: LFW) -> Embeddings:
    images = torch.randn(len(benchmark.images), 4, generator=torch.Generator().manual_seed(0))
    return Embeddings.of(images, images)


def test_the_folds_of_the_list(written: Path) -> None:
    benchmark = LFW(written, num_folds=3)
    benchmark.check()
    assert benchmark.pairs.same.tolist() == [True, True, False, False] * 3
    assert benchmark.fold.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert benchmark.images.load(0).shape == (112, 112, 3)
    assert list(benchmark.evaluate(embeddings(benchmark)).figures) == [
        "accuracy@sphereface",
        "accuracy@insightface",
        "accuracy@strict",
        "auc",
        "eer",
    ]


def test_images_in_the_archive_s_own_folder(root: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    shutil.move(root, outer / "lfw")
    shutil.move(outer / "lfw" / "pairs.txt", outer)
    assert len(LFW(outer, images="lfw", num_folds=3).images) == 12
    with pytest.raises(DataNotFoundError, match=r"12 of the 12 images are missing.*set images"):
        LFW(outer, num_folds=3).check()


@pytest.mark.parametrize("packed", [False, True])
def test_wrongly_labelled_pairs_are_left_out_and_counted(root: Path, tmp_path: Path, packed: bool) -> None:
    (tmp_path / "noise.txt").write_text("# by number\n2\n12\n")
    if packed:
        write_pairs(tmp_path / "lfw.bin", LFW(root, num_folds=3).pairs)
        root = tmp_path / "lfw.bin"
    benchmark = LFW(root, noise=tmp_path / "noise.txt", num_folds=3)
    assert benchmark.fold.tolist() == [0] * 3 + [1] * 4 + [2] * 3
    assert benchmark.pairs.same.tolist() == [True, False, False, True, True, False, False, True, True, False]
    assert benchmark.evaluate(embeddings(benchmark)).excluded == {WRONG: 2}


def test_wrongly_labelled_pairs_by_name_need_the_list(root: Path, tmp_path: Path) -> None:
    line = (root / "pairs.txt").read_text().splitlines()[4]
    (tmp_path / "noise.txt").write_text(f"{line}\n")
    (root / "Drawn_Person002" / "Drawn_Person002_0001.jpg").unlink()
    benchmark = LFW(root, on_missing="exclude", noise=tmp_path / "noise.txt", num_folds=3)
    assert benchmark.excluded[WRONG] == 1
    assert benchmark.fold.tolist()[:3] == [0, 0, 0]
    write_pairs(tmp_path / "lfw.bin", benchmark.pairs)
    with pytest.raises(PairsError, match=r"a \.bin has no names"):
        LFW(tmp_path / "lfw.bin", noise=tmp_path / "noise.txt", num_folds=3).check()


def test_missing_data_say_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"University of Massachusetts.*Expected lfw\.bin, or a folder"):
        LFW(tmp_path / "lfw.bin")
    (tmp_path / "other").touch()
    with pytest.raises(DataNotFoundError, match=r"pairs\.txt is missing.*University of Massachusetts.*other"):
        LFW(tmp_path).check()
    write_lfw(tmp_path, num_folds=2)
    with pytest.raises(DataNotFoundError, match=r"absent\.txt"):
        LFW(tmp_path, noise=tmp_path / "absent.txt", num_folds=2).check()
