import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from marginface.data import DataError, DataNotFoundError, FaceRecords
from marginface.data.drop_list import DropList, labels_digest, read_drop_list, write_drop_list
from marginface.data.kept import KeptFaces
from marginface.data.source import FaceSource

EACH = 8  # images of each of the 12 identities of tiny_records


@pytest.fixture
def source(tiny_records: Path) -> FaceRecords:
    return FaceRecords(tiny_records)


def audit_json(path: Path, source: FaceSource, drop: list[tuple[int, str]]) -> Path:
    entries = [{"index": index, "reason": reason} for index, reason in drop]
    stated = {"labels_sha256": labels_digest(source.labels)}
    path.write_text(json.dumps({"source": stated, "reasons": {"a": "", "b": ""}, "drop": entries}))
    return path


def test_images_go_and_labels_close_up(source: FaceRecords) -> None:
    gone = [0, 7, *range(3 * EACH, 4 * EACH), 95]
    kept = KeptFaces(source, DropList(np.array(gone)))
    left = [index for index in range(96) if index not in gone]
    assert len(kept) == len(kept.labels) == len(left)
    assert kept.kept.tolist() == left
    assert [kept.read(i) for i in range(len(kept))] == [source.read(i) for i in left]
    assert kept.where(5) == source.where(left[5])
    assert (kept.num_classes, kept.num_dropped_classes, kept.num_dropped_images) == (11, 1, len(gone))
    assert np.unique(kept.labels).tolist() == list(range(11))
    assert kept.kept_classes[kept.labels].tolist() == source.labels[left].tolist()
    assert kept.image_size == source.image_size


def test_an_empty_list_changes_nothing(source: FaceRecords) -> None:
    kept = KeptFaces(source, DropList(np.empty(0, np.int64)))
    assert (kept.num_dropped_images, kept.num_dropped_classes, kept.num_classes) == (0, 0, 12)
    np.testing.assert_array_equal(kept.labels, source.labels)


def test_it_travels_to_workers(source: FaceRecords) -> None:
    kept = pickle.loads(pickle.dumps(KeptFaces(source, DropList(np.array([0])))))
    assert kept.read(0) == source.read(1)


def test_what_else_a_source_tells_is_passed_on(source: FaceRecords) -> None:
    plain = KeptFaces(source, DropList(np.array([0])))
    assert (plain.classes, plain.closed_set, plain.weights, plain.parts) == (None, False, None, None)
    source.classes, source.weights = list("abcdefghijkl"), [1.0, 2.0]
    source.parts, source.closed_set = (source.labels >= 6).astype(np.int64), True
    kept = KeptFaces(source, DropList(np.array([0, 95])))
    assert (kept.classes, kept.closed_set, kept.weights) == (source.classes, True, [1.0, 2.0])
    assert kept.parts.tolist() == source.parts[1:95].tolist()
    first_class = DropList(np.arange(EACH))
    with pytest.raises(DataError, match="takes 1 classes that the benchmark of this set asks for"):
        KeptFaces(source, first_class)
    source.closed_set = False
    assert KeptFaces(source, first_class).classes == source.classes[1:]


def test_an_audit_is_a_drop_list(source: FaceRecords, tmp_path: Path) -> None:
    path = audit_json(tmp_path / "audit.json", source, [(9, "a"), (3, "b"), (3, "a")])
    assert read_drop_list(path).index.tolist() == [3, 9]
    assert read_drop_list(path, ["b"]).index.tolist() == [3]
    assert len(KeptFaces(source, path)) == 94
    with pytest.raises(ValueError, match=r"has no c, only a, b"):
        read_drop_list(path, ["a", "c"])


def test_the_text_form_comes_back(source: FaceRecords, tmp_path: Path) -> None:
    drop = DropList(np.array([2, 40]), labels_digest(source.labels))
    write_drop_list(tmp_path / "drop.txt", drop)
    back = read_drop_list(tmp_path / "drop.txt")
    assert (back.index.tolist(), back.made_for) == ([2, 40], drop.made_for)
    (tmp_path / "own.txt").write_text("# by hand\n7  # blurred\n\n3\n7\n")
    own = read_drop_list(tmp_path / "own.txt")
    assert (own.index.tolist(), own.made_for) == ([3, 7], "")
    assert len(KeptFaces(source, tmp_path / "own.txt")) == 94


def test_a_list_of_another_set_is_refused(source: FaceRecords, tmp_path: Path) -> None:
    path = audit_json(tmp_path / "audit.json", KeptFaces(source, DropList(np.array([0]))), [(9, "a")])
    with pytest.raises(DataError, match=r"audit\.json was made for a set with other labels"):
        KeptFaces(source, path)
    with pytest.raises(DataError, match="names image 96, but the set has images 0 to 95"):
        KeptFaces(source, DropList(np.array([5, 96])))
    with pytest.raises(DataError, match="names image -1"):
        KeptFaces(source, DropList(np.array([-1, 5])))


def test_a_list_that_leaves_nothing_is_refused(source: FaceRecords) -> None:
    with pytest.raises(DataError, match="leaves none of the 96 images"):
        KeptFaces(source, DropList(np.arange(96)))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("drop.txt", "3\nx\n", r"line 2: 'x' is no image number"),
        ("drop.txt", "-3\n", r"line 1: '-3' is no image number"),
        ("drop.txt", "9" * 30, "is no image number"),
        ("audit.json", "{", "is no audit"),
        ("audit.json", "[]", "is no audit"),
        ("audit.json", '{"source": {"labels_sha256": ""}, "reasons": {}, "drop": [{"index": 1}]}', "is no audit"),
        (
            "audit.json",
            '{"source": {"labels_sha256": ""}, "reasons": {}, "drop": [{"index": true, "reason": "a"}]}',
            "index True is no image number",
        ),
    ],
)
def test_a_damaged_list_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_drop_list(tmp_path / name)


def test_a_list_that_is_not_there_or_states_no_reasons_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"drop\.txt is missing"):
        read_drop_list(tmp_path / "drop.txt")
    (tmp_path / "drop.txt").write_text("1\n")
    with pytest.raises(ValueError, match="states none"):
        read_drop_list(tmp_path / "drop.txt", ["a"])
