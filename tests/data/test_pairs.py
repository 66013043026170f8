import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marginface.data.decode import decode
from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pairs import FacePairs, read_pairs, sample_pairs, write_pairs
from marginface.data.record.face_records import FaceRecords, write_face_records
from marginface.data.split import split_identities

BINS = [b"a", b"b", b"a", b"c", b"c", b"c"]
SAME = [True, False, True]


def _dump(path: Path, content: Any, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def test_images_with_equal_bytes_are_one(tmp_path: Path) -> None:
    pairs = read_pairs(_dump(tmp_path / "lfw.bin", (BINS, SAME)))
    assert list(pairs.images) == [b"a", b"b", b"c"]
    assert (pairs.first.tolist(), pairs.second.tolist(), pairs.same.tolist()) == ([0, 0, 2], [1, 2, 2], SAME)
    assert (pairs.first.dtype, pairs.second.dtype, pairs.same.dtype) == (np.int64, np.int64, np.bool_)
    assert len(pairs) == 3


def test_real_pairs(shared_data: Path) -> None:
    pairs = read_pairs(shared_data / "lfw112" / "lfw_dev.bin")
    assert (len(pairs), len(pairs.images), int(pairs.same.sum())) == (1200, 1598, 600)
    assert decode(pairs.images[0], "").shape == (112, 112, 3)


def test_a_written_file_is_one_that_pickle_reads(tmp_path: Path) -> None:
    write_pairs(tmp_path / "new" / "out.bin", read_pairs(_dump(tmp_path / "lfw.bin", (BINS, SAME))))
    bins, same = pickle.loads((tmp_path / "new" / "out.bin").read_bytes(), encoding="bytes")
    assert (bins, same) == (BINS, SAME)
    assert type(bins) is type(same) is list
    assert type(bins[0]) is bytes
    assert type(same[0]) is bool
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.bin"]


def test_lists_are_written_as_they_are(tmp_path: Path) -> None:
    write_pairs(tmp_path / "out.bin", (BINS, np.array(SAME)))  # type: ignore[arg-type]
    assert pickle.loads((tmp_path / "out.bin").read_bytes()) == (BINS, SAME)


@pytest.mark.parametrize(("bins", "same"), [(BINS[:5], SAME), (BINS, SAME[:2]), ([], [])])
def test_lists_that_do_not_match_are_not_written(tmp_path: Path, bins: list[bytes], same: list[bool]) -> None:
    with pytest.raises(PairsError, match=f"{len(bins)} images for {len(same)} flags"):
        write_pairs(tmp_path / "out.bin", (bins, same))
    assert not (tmp_path / "out.bin").exists()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ((BINS[:5], SAME), "holds 5 images, an odd number"),
        ((BINS, SAME[:2]), "holds 6 images but 2 flags"),
        (([], []), "holds 0 images but 0 flags"),
        ((BINS, [1, 0, 1]), r"issame\[0\] is int, not bool"),
    ],
)
def test_lists_that_do_not_match_are_refused(tmp_path: Path, content: Any, what: str) -> None:
    with pytest.raises(PairsError, match=rf"lfw\.bin {what}.*copy or download"):
        read_pairs(_dump(tmp_path / "lfw.bin", content))


class _Attack:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_file_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    path = _dump(tmp_path / "lfw.bin", (BINS, [_Attack(f"touch {tmp_path / 'touched'}")]), protocol)
    with pytest.raises(PairsError, match=r"lfw\.bin asks for \w+\.system.*Nothing in it was run"):
        read_pairs(path)
    assert not (tmp_path / "touched").exists()


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = _dump(tmp_path / "lfw.bin", (BINS, SAME))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(PairsError, match=r"lfw\.bin no complete pickle|lfw\.bin .*truncated|lfw\.bin .*exhausted"):
        read_pairs(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 a JPEG", bytes.fromhex("0a23d7ce20000000")])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lfw.bin").write_bytes(content)
    with pytest.raises(PairsError, match=r"lfw\.bin is no pickle"):
        read_pairs(tmp_path / "lfw.bin")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"lfw\.bin is missing"):
        read_pairs(tmp_path / "lfw.bin")


@pytest.mark.parametrize(
    ("first", "second", "same", "what"),
    [
        ([0], [2], [True], r"second runs from 2 to 2, but there are 2 images"),
        ([-1], [1], [True], r"first runs from -1 to -1"),
        ([0, 1], [1], [True], r"first is int64 \(2,\)"),
        ([0.0], [1], [True], r"first is float64 \(1,\)"),
        ([0], [1], [1], r"same is int64 \(1,\)"),
        (np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool), r"first is int64 \(0,\).*P > 0"),
    ],
)
def test_pairs_that_contradict_themselves_are_refused(first: Any, second: Any, same: Any, what: str) -> None:
    with pytest.raises(PairsError, match=what):
        FacePairs([b"a", b"b"], np.asarray(first), np.asarray(second), np.asarray(same))


@pytest.fixture
def faces(tmp_path: Path) -> FaceRecords:
    write_face_records(tmp_path, [(label, b"%d-%d" % (label, i)) for label in range(30) for i in range(4)])
    return FaceRecords(tmp_path)


def test_sampled_pairs_show_the_persons_that_they_claim(faces: FaceRecords) -> None:
    _, held_out = split_identities(faces.labels, 24, seed=0)
    pairs = sample_pairs(faces, held_out, 40, seed=0)
    persons = [int(image.split(b"-")[0]) for image in pairs.images]
    allowed = set(faces.labels[held_out].tolist())
    assert set(persons) <= allowed
    for one, other, same in zip(pairs.first, pairs.second, pairs.same, strict=True):
        assert (persons[one] == persons[other]) == same
    assert set(pairs.first) | set(pairs.second) == set(range(len(pairs.images)))  # no image that no pair shows


def test_sampled_pairs_read_their_images_late_and_survive_pickling(faces: FaceRecords) -> None:
    pairs = sample_pairs(faces, np.arange(len(faces)), 20, seed=1)
    copy = pickle.loads(pickle.dumps(pairs))
    assert list(copy.images) == list(pairs.images)
    assert list(pairs.images[2:4]) == [pairs.images[2], pairs.images[3]]
    assert sum(image in pickle.dumps(pairs) for image in pairs.images) == 0


def test_sampled_pairs_can_be_written(faces: FaceRecords, tmp_path: Path) -> None:
    pairs = sample_pairs(faces, np.arange(len(faces)), 20, seed=1)
    write_pairs(tmp_path / "val.bin", pairs)
    again = read_pairs(tmp_path / "val.bin")
    assert [again.images[i] for i in again.first] == [pairs.images[i] for i in pairs.first]
    assert [again.images[i] for i in again.second] == [pairs.images[i] for i in pairs.second]


def test_too_few_held_out_identities_are_refused_with_the_remedy(faces: FaceRecords) -> None:
    with pytest.raises(PairsError, match="hold out more identities"):
        sample_pairs(faces, np.arange(8), 20, seed=0)
