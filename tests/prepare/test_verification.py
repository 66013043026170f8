"""Pair lists to verification files and back."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from sets import photo

from marginface.data import DataError, DataNotFoundError, FacePairs, PairsError, encode, read_pairs, write_pairs
from marginface.prepare import Card, pack_pairs, read_card, unpack_faces, write_card

LINES = ["bert/0.jpg\tbert/1.jpg\t1", "anna/0.jpg\tcleo/0.jpg\t0", "cleo/0.jpg\tcleo/2.jpg\t1"]


def test_the_list_becomes_what_insightface_reads(folder: Path, tmp_path: Path) -> None:
    (folder / "pairs.txt").write_text("\n".join(LINES))
    card = pack_pairs(folder, tmp_path / "own.bin")
    with (tmp_path / "own.bin").open("rb") as file:
        images, same = pickle.load(file, encoding="bytes")  # as insightface does
    names = ("bert/0", "bert/1", "anna/0", "cleo/0", "cleo/0", "cleo/2")
    assert images == [(folder / f"{name}.jpg").read_bytes() for name in names]
    assert same == [True, False, True]
    assert (card.num_pairs, card.num_images, card.num_identities, card.num_encoded) == (3, 5, None, 0)
    assert read_card(tmp_path / "own.card.json") == card


def test_folds_stay_together_and_the_other_layout_reads_the_same(folder: Path, tmp_path: Path) -> None:
    folds = [1, 0, 1]
    rows = [(*line.split("\t"), fold) for line, fold in zip(LINES, folds, strict=True)]
    (folder / "a.txt").write_text("\n".join(f"{one}\t{two}\t{y}\t{f}" for one, two, y, f in rows))
    (folder / "b.txt").write_text("\n".join(f"{y} {one} {two} {f}" for one, two, y, f in rows))
    pack_pairs(folder, tmp_path / "a.bin", "a.txt")
    pack_pairs(folder, tmp_path / "b.bin", folder / "b.txt", layout="label_paths")
    assert read_pairs(tmp_path / "a.bin").same.tolist() == [False, True, True]
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_an_unpacked_file_is_packed_to_the_same_pairs(folder: Path, tmp_path: Path) -> None:
    images = tuple(path.read_bytes() for path in sorted(folder.glob("*/*.jpg")))
    pairs = FacePairs(images, np.array([3, 0, 5]), np.array([1, 4, 2]), np.array([False, True, False]))
    write_pairs(tmp_path / "a.bin", pairs)
    card = unpack_faces(tmp_path / "a.bin", tmp_path / "out")
    assert (card.step, card.num_pairs, card.num_images) == ("unpack", 3, 6)
    assert len(list((tmp_path / "out" / "images").iterdir())) == 6
    again = pack_pairs(tmp_path / "out", tmp_path / "b.bin")
    assert (tmp_path / "b.bin").read_bytes() == (tmp_path / "a.bin").read_bytes()
    assert again.faces_sha256 == card.faces_sha256


def test_the_file_of_mxnet_s_environment_holds_the_same_pairs_again(shared_data: Path, tmp_path: Path) -> None:
    unpack_faces(shared_data / "lfw112" / "lfw_dev.bin", tmp_path / "out")
    pack_pairs(tmp_path / "out", tmp_path / "again.bin")
    one, other = read_pairs(shared_data / "lfw112" / "lfw_dev.bin"), read_pairs(tmp_path / "again.bin")
    assert one.images == other.images
    for name in ("first", "second", "same"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_pair_is_never_left_out(folder: Path, tmp_path: Path) -> None:
    (folder / "pairs.txt").write_text("\n".join(LINES))
    (folder / "cleo" / "0.jpg").write_bytes(encode(photo(1, 50, 60)))
    with pytest.raises(DataError, match=r"cleo/0\.jpg: the image is 50 x 60, its set 112 x 112"):
        pack_pairs(folder, tmp_path / "own.bin")
    assert pack_pairs(folder, tmp_path / "own.bin", resize=True, quality=80).quality == 80
    (folder / "cleo" / "0.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"cleo/0\.jpg: cannot decode"):
        pack_pairs(folder, tmp_path / "other.bin")
    (folder / "cleo" / "0.jpg").unlink()
    with pytest.raises(DataNotFoundError, match=r"the first is cleo/0\.jpg"):
        pack_pairs(folder, tmp_path / "other.bin")
    assert not (tmp_path / "other.bin").exists()


def test_the_file_has_its_ending(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PairsError, match=r"out=.*own: pass the name of the verification file, with the ending \.bin"):
        pack_pairs(folder, tmp_path / "own")


def test_the_size_is_that_of_the_images_or_the_given_one(folder: Path, tmp_path: Path) -> None:
    for path in folder.glob("*/*.jpg"):
        path.write_bytes(encode(photo(1, 112, 96)))
    (folder / "pairs.txt").write_text("\n".join(LINES))
    assert pack_pairs(folder, tmp_path / "own.bin").image_size == (112, 96)
    with pytest.raises(DataError, match="the image is 112 x 96, its set 112 x 112"):
        pack_pairs(folder, tmp_path / "own.bin", image_size=(112, 112))
    write_card(folder / "card.json", Card("align", image_size=(112, 112)))
    with pytest.raises(DataError, match="the image is 112 x 96, its set 112 x 112"):
        pack_pairs(folder, tmp_path / "own.bin")
