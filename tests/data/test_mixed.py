import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from marginface.data.errors import DataError
from marginface.data.folder import ImageFolder
from marginface.data.mixed import MixedFaces
from marginface.data.record.face_records import FaceRecords, write_face_records

FOLDERS = {"a": ImageFolder, "b": ImageFolder}


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Set a: ann 2, bob 1; set b: bob 2, zoe 1; a pack c of two identities."""
    for file in ("a/ann/1.jpg", "a/ann/2.jpg", "a/bob/1.jpg", "b/bob/1.jpg", "b/bob/2.jpg", "b/zoe/1.jpg"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(file.encode())
    write_face_records(tmp_path / "c", [(0, b"c0"), (1, b"c1")])
    return tmp_path


def test_samples_follow_one_another_and_classes_stay_apart(sets: Path) -> None:
    faces = MixedFaces(sets, FOLDERS | {"c": FaceRecords})
    assert [faces.read(i).decode() for i in (0, 2, 3, 5, 6, 7)] == [
        *("a/ann/1.jpg", "a/bob/1.jpg", "b/bob/1.jpg", "b/zoe/1.jpg", "c0", "c1")
    ]
    assert faces.labels.tolist() == [0, 0, 1, 2, 2, 3, 4, 5]
    assert faces.labels.dtype == np.int64
    assert faces.parts.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert (len(faces), faces.num_classes, faces.image_size) == (8, 6, (112, 112))
    assert (faces.weights, faces.classes) == (None, None)
    assert faces.where(4) == str(sets / "b" / "bob" / "2.jpg")
    assert faces.where(7) == f"{sets / 'c' / 'train.rec'}, key 2"


def test_shared_labels_join_classes_of_one_name(sets: Path) -> None:
    faces = MixedFaces(sets, FOLDERS, labels="shared")
    assert faces.classes == ["ann", "bob", "zoe"]
    assert faces.labels.tolist() == [0, 0, 1, 1, 1, 2]
    assert faces.num_classes == 3


def test_weights_come_in_the_order_of_the_sources(sets: Path) -> None:
    assert MixedFaces(sets, FOLDERS, weights={"b": 3, "a": 1}).weights == [1, 3]


def test_a_pickled_mixture_reads_the_same(sets: Path) -> None:
    assert pickle.loads(pickle.dumps(MixedFaces(sets, FOLDERS))).read(5) == b"b/zoe/1.jpg"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"sources": {}}, "sources is empty"),
        ({"labels": "both"}, "labels='both' is unknown; choose 'separate' or 'shared'"),
        ({"weights": {"a": 1}}, r"weights are of a, but sources are a, b: .*weights=null"),
        ({"weights": {"a": 1, "b": 1, "d": 2}}, "weights are of a, b, d, but sources are a, b"),
        ({"weights": {"a": 1, "b": -1}}, r"weights=\[1, -1\]: each must be a positive number"),
    ],
)
def test_arguments_that_do_not_fit_are_named(sets: Path, options: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        MixedFaces(sets, **({"sources": FOLDERS} | options))


def test_sets_of_different_sizes_are_refused(sets: Path) -> None:
    sources = {"a": ImageFolder, "b": partial(ImageFolder, image_size=(112, 96))}
    with pytest.raises(DataError, match=r"a has \(112, 112\), b has \(112, 96\)"):
        MixedFaces(sets, sources)


def test_only_sets_with_names_can_share(sets: Path) -> None:
    with pytest.raises(DataError, match=r"labels='shared' needs .* c \(FaceRecords\) has none: .*'separate'"):
        MixedFaces(sets, {"a": ImageFolder, "c": FaceRecords}, labels="shared")


def test_an_index_that_is_not_there(sets: Path) -> None:
    for index in (-1, 6):
        with pytest.raises(IndexError, match="samples 0 to 5"):
            MixedFaces(sets, FOLDERS).read(index)
