import copy
import multiprocessing
import pickle
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import torch

from marginface.data import FaceRecords, ImageFolder, KeptFaces, ListFile, MixedFaces, write_face_records
from marginface.data.drop_list import DropList
from marginface.data.shared_arrays import SharesArrays

COUNT = 20_000


class Table(SharesArrays):
    def __init__(self) -> None:
        self.large, self.small, self.name = np.arange(COUNT, dtype=np.int32).reshape(-1, 2), np.arange(3), "table"
        self.words = np.array([str(number) for number in range(1000)], dtype=object)


def values_and_sharing(table: Table) -> tuple[list, bool, bool, list, str]:
    """What a worker has."""
    return (
        table.large[-1].tolist(),
        is_shared(table.large),
        table.large.flags.writeable,
        table.small.tolist(),
        f"{table.name} {table.words[999]}",
    )


def is_shared(array: np.ndarray) -> bool:
    memory: object = array
    while isinstance(memory, np.ndarray):
        memory = memory.base
    return isinstance(memory, torch.Tensor) and memory.is_shared()


@pytest.fixture(scope="module")
def spawned():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        yield pool


def test_another_process_maps_the_memory_of_the_first(spawned) -> None:
    table = Table()
    assert len(ForkingPickler.dumps(table)) < 20_000, "a handle, and the objects of the last array"
    assert is_shared(table.large), "one copy in all"
    before = table.large.ctypes.data
    assert spawned.apply(values_and_sharing, (table,)) == ([COUNT - 2, COUNT - 1], True, False, [0, 1, 2], "table 999")
    assert table.large.ctypes.data == before, "it is moved once only"
    assert table.large.tolist() == Table().large.tolist()


def test_what_another_process_gets_of_a_view_is_the_view(spawned) -> None:
    table = Table()
    ForkingPickler.dumps(table)
    table.large = table.large[::-1]
    assert spawned.apply(values_and_sharing, (table,))[0] == [0, 1]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda table: pickle.loads(pickle.dumps(table))])
def test_copies_within_a_process_and_files_hold_values(again) -> None:
    table = Table()
    other = again(table)
    assert other.large.tolist() == table.large.tolist()
    assert (other.small.tolist(), other.name) == ([0, 1, 2], "table")
    assert not is_shared(table.large)
    assert not is_shared(other.large)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A pack and an image folder, a list of them, and what is made of both."""
    root = tmp_path_factory.mktemp("sets")
    write_face_records(root / "pack", ((i // 100, b"%d" % i) for i in range(COUNT)))
    for i in range(1200):
        (root / "folder" / str(i // 300)).mkdir(parents=True, exist_ok=True)
        (root / "folder" / str(i // 300) / f"{i:08}.jpg").write_bytes(b"%d" % i)
    (root / "folder" / "train.txt").write_text("".join(f"{i // 300}/{i:08}.jpg\n" for i in range(1200)))
    pack = FaceRecords(root / "pack")
    return {
        "pack": pack,
        "folder": ImageFolder(root / "folder"),
        "list": ListFile(root / "folder", layout="folder"),
        "kept": KeptFaces(pack, DropList(np.arange(200, 300))),
        "mixed": MixedFaces(root, {"folder": ImageFolder, "pack": FaceRecords}),
    }


@pytest.mark.parametrize("name", ["pack", "folder", "list", "kept", "mixed"])
def test_a_source_of_any_length_is_sent_in_a_few_kilobytes(sources: dict, name: str, spawned) -> None:
    source = sources[name]
    last = len(source) - 1
    expected = [source.read(index) for index in (0, 700, last)]
    assert len(ForkingPickler.dumps(source)) < 4000
    assert spawned.map(source.read, (0, 700, last)) == expected
    assert [source.read(index) for index in (0, 700, last)] == expected


def test_a_pack_of_dense_keys_takes_16_bytes_an_image(sources: dict) -> None:
    faces = sources["pack"]
    assert len(pickle.dumps(faces)) < 16 * COUNT + 16 * 200 + 4000
