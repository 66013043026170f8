import io
import mmap
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from marginface.data import (
    FaceRecords,
    KeptFaces,
    MixedFaces,
    RecordReader,
    RecordWriter,
    TarShards,
    write_face_records,
)
from marginface.data.drop_list import DropList
from marginface.data.folder import ImageFolder
from marginface.data.read_ahead import ReadsAhead, joined, read_ahead, requests

KB = 1 << 10
IMAGE = 100 * KB  # a request of 128 KiB takes less than two


def test_near_spans_are_joined_and_distant_ones_are_not() -> None:
    starts = np.array([10 * IMAGE, 0, IMAGE, 10 * IMAGE + 5])
    spans = joined(starts, starts + np.array([10, IMAGE, 20, 1]))
    assert spans.tolist() == [[0, IMAGE + 20], [10 * IMAGE, 10 * IMAGE + 10]]
    assert joined(starts[:0], starts[:0]).tolist() == []


def test_requests_cover_spans_in_pieces_that_a_disk_takes() -> None:
    asked = list(requests(np.array([[5000, 300 * KB], [400 * KB, 400 * KB + 1]]), granularity=4096))
    assert asked[0][0] == 4096
    assert [start for start, _ in asked[1:3]] == [4096 + 128 * KB, 4096 + 256 * KB]
    assert sum(length for _, length in asked[:3]) == 300 * KB - 4096
    assert asked[3:] == [(400 * KB, 1)]
    assert max(length for _, length in asked) <= 128 * KB


@pytest.fixture
def pack(tmp_path: Path) -> FaceRecords:
    write_face_records(tmp_path / "pack", [(label, bytes([label]) * IMAGE) for label in range(20)])
    return FaceRecords(tmp_path / "pack")


class Watched:
    """A memory map that remembers what it was asked for."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self.mapped, self.asked = mapped, np.zeros(len(mapped), dtype=bool)

    def __len__(self) -> int:
        return len(self.mapped)

    def madvise(self, option: int, start: int, length: int) -> None:
        assert option == mmap.MADV_WILLNEED
        self.mapped.madvise(option, start, length)
        self.asked[start : start + length] = True


def watched(reader: RecordReader) -> Watched:
    reader._mapped = Watched(reader._map())
    return reader._mapped


def images(faces: FaceRecords, asked: np.ndarray) -> list[int]:
    """Those that were asked for as a whole; parts of others only as far as a page goes."""
    starts = faces._reader._index.offsets[1:22]
    whole = [i for i in range(20) if asked[starts[i] : starts[i + 1]].all()]
    assert asked.sum() <= sum(starts[i + 1] - starts[i] for i in whole) + 4 * mmap.PAGESIZE
    return whole


@pytest.mark.parametrize("chosen", [range(3, 9), [19], [0], [12, 4, 5], []])
def test_a_pack_asks_for_the_bytes_of_its_images(pack: FaceRecords, chosen: list[int]) -> None:
    mapped = watched(pack._reader)
    pack.read_ahead(np.array(chosen, dtype=np.int64))
    assert images(pack, mapped.asked) == sorted(chosen)


def test_what_wraps_a_pack_passes_its_own_numbers_on(pack: FaceRecords, tmp_path: Path) -> None:
    mapped = watched(pack._reader)
    KeptFaces(pack, DropList(np.array([0, 5, 6]))).read_ahead(np.array([0, 3, 4]))
    assert images(pack, mapped.asked) == [1, 4, 7]
    (tmp_path / "folder" / "ann").mkdir(parents=True)
    (tmp_path / "folder" / "ann" / "1.jpg").write_bytes(b"1")
    mixed = MixedFaces(tmp_path, {"folder": ImageFolder, "pack": FaceRecords})
    mapped = watched(mixed._sources[1]._reader)
    mixed.read_ahead(np.array([0, 1, 4]))
    assert images(pack, mapped.asked) == [0, 3]


def test_records_in_another_order_than_their_keys_are_asked_for_one_by_one(tmp_path: Path) -> None:
    keys = np.random.default_rng(0).permutation(40).tolist()
    with RecordWriter(tmp_path / "a.rec", tmp_path / "a.idx") as writer:
        for key in keys:
            writer.write(key, bytes(IMAGE))
    reader = RecordReader(tmp_path / "a.rec", tmp_path / "a.idx")
    mapped = watched(reader)
    reader.read_ahead(np.arange(4))
    starts = reader._index.offsets[:4]
    assert all(mapped.asked[start : start + IMAGE].all() for start in starts)
    assert mapped.asked.sum() < 4 * IMAGE + 5 * 128 * KB


def test_shards_ask_for_the_bytes_of_their_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for shard in range(2):
        with tarfile.open(tmp_path / f"{shard}.tar", "w") as tar:
            for name, size in ((f"{i}.{kind}", size) for i in range(6) for kind, size in (("cls", 1), ("jpg", IMAGE))):
                member = tarfile.TarInfo(name)
                member.size = size
                tar.addfile(member, io.BytesIO(b"0" * size))
    faces, asked = TarShards(tmp_path), list[tuple[int, int, int]]()
    monkeypatch.setattr(os, "posix_fadvise", lambda file, start, length, advice: asked.append((file, start, length)))
    faces.read_ahead(np.array([4, 5, 6, 7]))
    for shard, (first, last) in enumerate([(4, 5), (6, 7)]):
        own = [(start, length) for file, start, length in asked if file == faces._open[shard]]
        assert own[0][0] == faces._offsets[first]
        assert sum(length for _, length in own) == faces._offsets[last] + IMAGE - faces._offsets[first]
    assert len(asked) == len({(file, start) for file, start, _ in asked}) == 4


def test_a_source_of_single_files_is_left_alone(pack: FaceRecords, tmp_path: Path) -> None:
    assert isinstance(pack, ReadsAhead)
    mapped = watched(pack._reader)
    read_ahead(pack, np.array([7, 8, 15, 16]), [(1, 3)])
    assert images(pack, mapped.asked) == [8, 15]
    read_ahead(object(), np.arange(3), [(0, 3)])
