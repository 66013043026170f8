"""Damaged and hostile files: a value or a typed error, soon, in memory that the file bounds (`bench/fuzz.py`)."""

import importlib
import pickle
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marginface.data.errors import DataError, DataNotFoundError, PairsError, RecordError
from marginface.data.face_records import FaceRecords
from marginface.data.list_file import ListFile
from marginface.data.pairs import read_pairs
from marginface.data.record_index import read_index
from marginface.data.text_table import TextTable

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    *("recordio", "recordio_idx", "irheader", "idx", "property", "face_records", "bin"),
    *("feature", "matrix", "table", "named_table", "headed_table", "list_file", "lst", "tar_shards"),
)


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "bench"))
        return importlib.import_module("fuzz")


@pytest.fixture(scope="module")
def readers(fuzz: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return fuzz.make_readers(tmp_path_factory.mktemp("intact"))


def test_all_readers_are_named_here(readers: dict) -> None:
    assert tuple(readers) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_intact_files_are_read(fuzz: ModuleType, readers: dict, name: str, tmp_path: Path) -> None:
    outcomes = [fuzz.outcome(readers[name], content, tmp_path / "file")[0] for content in readers[name].files]
    assert outcomes[0]
    assert all(outcomes) or name == "named_table"  # whose second file is a header and no row


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_read_or_refused(
    fuzz: ModuleType, readers: dict, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reader, path = readers[name], tmp_path_factory.mktemp("damaged") / "file"
    place = st.floats(0, 1)
    piece = st.sampled_from(reader.pieces) | st.binary(min_size=1, max_size=9)
    mutation = st.builds(fuzz.Mutation, st.sampled_from(fuzz.KINDS), place, place, piece)
    seen = set()

    @settings(max_examples=40, deadline=2000, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(content=st.sampled_from(reader.files), mutations=st.lists(mutation, min_size=1, max_size=4))
    def check(content: bytes, mutations: list) -> None:
        seen.add(fuzz.outcome(reader, fuzz.damage(content, mutations), path)[0])

    check()
    assert False in seen  # else the damage never reached the reader


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_ends_anywhere(fuzz: ModuleType, readers: dict, name: str, tmp_path: Path) -> None:
    content = readers[name].files[0]
    assert not fuzz.outcome(readers[name], b"", tmp_path / "file")[0]
    for end in range(1, len(content), 1 + len(content) // 100):
        fuzz.outcome(readers[name], content[:end], tmp_path / "file")


def test_another_error_and_too_much_memory_do_not_pass(fuzz: ModuleType, tmp_path: Path) -> None:
    def untyped(path: Path) -> None:
        raise ValueError("untyped")

    with pytest.raises(ValueError, match="untyped"):
        fuzz.outcome(fuzz.Reader([], [], untyped), b"x", tmp_path / "file")
    with pytest.raises(AssertionError, match="bytes of memory for a file of 1"):
        fuzz.outcome(fuzz.Reader([], [], lambda path: bytearray(2**22)), b"x", tmp_path / "file")


class _Hostile:
    """Pickles as ``numpy.ndarray()``, then ``__setstate__(state)``."""

    def __init__(self, shape: object, raw: bytes) -> None:
        self.shape, self.raw = shape, raw

    def __reduce__(self) -> tuple:
        return np.ndarray, (), (1, self.shape, np.dtype("u1"), False, self.raw)


class _Dtype:
    """Pickles as ``numpy.dtype(code)``."""

    def __init__(self, code: object) -> None:
        self.code = code

    def __reduce__(self) -> tuple:
        return np.dtype, (self.code,)


def _shared(depth: int) -> tuple:
    """A tuple of 2 ** depth leaves that takes a few bytes a level."""
    nested: tuple = ("x",)
    for _ in range(depth):
        nested = (nested, nested)
    return nested


@pytest.mark.parametrize(
    "image",
    [
        _Hostile(("x", 10**9), b"x"),  # a product that would be text of 1 GB
        _Hostile((2**2000,) * 20_000, b"x"),  # a product of 5 MB, by quadratic work
        _Hostile((-1, -1), b"x"),
        _Dtype(_shared(60)),  # would print without end
    ],
    ids=["text", "long", "negative", "shared"],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_hostile_pickles_are_refused_at_once(fuzz: ModuleType, image: object, protocol: int, tmp_path: Path) -> None:
    reader = fuzz.Reader([], [], lambda path: read_pairs(path))
    content = pickle.dumps(([image, b"y"], [True]), protocol)
    accepted, seconds, _ = fuzz.outcome(reader, content, tmp_path / "lfw.bin")
    assert not accepted
    assert seconds < 5
    with pytest.raises(PairsError, match=r"lfw\.bin holds an array"):
        read_pairs(tmp_path / "lfw.bin")


@pytest.mark.parametrize("stated", ["9" * 400 + ",112,112", f"10,{2**31},112"])
def test_a_property_beyond_all_counts_is_refused(tiny_records: Path, tmp_path: Path, stated: str) -> None:
    for name in ("train.rec", "train.idx"):
        (tmp_path / name).symlink_to(tiny_records / name)
    (tmp_path / "property").write_text(stated)
    with pytest.raises(RecordError, match=r"property holds .* instead of `num_classes,height,width`"):
        FaceRecords(tmp_path)


@pytest.mark.parametrize("text", [f"1\t{'9' * 20}\n", f"-{'9' * 20}\t0\n", "1\n2\t3\t4\n", "1\t2\t3\n4\n"])
def test_an_index_that_would_be_misread_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "train.idx").write_text(text)
    with pytest.raises(RecordError, match=r"train\.idx is damaged"):
        read_index(tmp_path / "train.idx")


def test_an_index_with_line_ends_of_windows_is_read(tmp_path: Path) -> None:
    (tmp_path / "train.idx").write_bytes(b"0\t0\r\n1\t20\r\n")
    assert read_index(tmp_path / "train.idx").offsets.tolist() == [0, 20]


@pytest.mark.parametrize("text", ["", "\n1 2\n"])
def test_a_table_without_its_header_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "table.txt").write_text(text)
    with pytest.raises(DataError, match=r"table\.txt line 1: there is nothing where the header should be"):
        list(TextTable(tmp_path / "table.txt", ("a", "b"), has_header=True).blocks())


@pytest.mark.parametrize("separator", [" ", "  "])
def test_a_number_is_what_other_programs_read(tmp_path: Path, separator: str) -> None:
    (tmp_path / "table.txt").write_text(f"1{separator}2_0\n")
    with pytest.raises(DataError, match=r"line 1: .* holds a word of another kind"):
        list(TextTable(tmp_path / "table.txt", ("a", "b")).blocks())


def test_labels_of_thousands_of_digits_are_sorted_by_their_value(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(f"1.jpg {'9' * 5000}\n2.jpg 010\n3.jpg 9\n")
    faces = ListFile(tmp_path, check_files=False)
    assert faces.classes == ["9", "010", "9" * 5000]
    assert faces.labels.tolist() == [2, 1, 0]


def test_a_path_too_long_to_exist_is_missing(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(f"{'x' * 5000}/1.jpg 0\n")
    with pytest.raises(DataNotFoundError, match="1 of the 1 files"):
        ListFile(tmp_path)
