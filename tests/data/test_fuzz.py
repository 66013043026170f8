"""Damaged and hostile files: a value or a typed error, soon, in memory that the file bounds (`bench/fuzz.py`)."""

import faulthandler
import importlib
import mmap
import pickle
import random
import signal
import sys
import tarfile
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from marginface.data.errors import DataError, DataNotFoundError, PairsError, RecordError
from marginface.data.list_file import ListFile
from marginface.data.pairs import read_pairs
from marginface.data.record.face_records import FaceRecords
from marginface.data.record.record_index import read_index
from marginface.data.text_table import TextTable
from marginface.data.webdataset import TarShards

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    *("recordio", "recordio_idx", "irheader", "face_records", "idx", "property", "list_file", "lst"),
    *("table", "named_table", "headed_table", "bin", "feature", "matrix", "tar_shards"),
    *("jpeg", "jpeg_in_place", "png", "bmp", "webp"),
    *("drop_json", "drop_text", "card", "landmarks_insightface", "landmarks_sphereface_pytorch", "landmarks_csv"),
    *("landmarks_json", "names", "journal", "identities", "names_csv"),
    *("pairs_lfw", "pairs_rfw", "pairs_agedb", "pairs_two_lines", "pairs_paths", "pairs_cfp_images"),
    *("pairs_cfp_fold", "pairs_wrong"),
    *("ytf", "ck_plus_label", "ijb_members", "ijb_faces", "ijb_pairs", "ijb_probes"),
    *("megaface_photos", "megaface_noises", "trillion_pairs_files", "trillion_pairs_labels"),
    *("store_about", "store_rows", "store_checksums"),
)
MAY_BE_EMPTY = ("journal", "drop_text", "megaface_noises", "pairs_wrong", "identities")
NUM_INPUTS, NUM_CUTS = 40, 20


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "bench"))
        return importlib.import_module("fuzz")


@pytest.fixture(scope="module")
def readers(fuzz: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict:
    return fuzz.all_readers(tmp_path_factory.mktemp("intact"))


def test_all_readers_are_named_here(readers: dict) -> None:
    assert tuple(readers) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_reads_or_refuses(fuzz: ModuleType, readers: dict, name: str, tmp_path: Path) -> None:
    reader = readers[name]
    outcomes = [fuzz.outcome(reader, content, tmp_path / name)[0] for content in reader.files]
    assert outcomes[0]
    assert all(outcomes) or name == "named_table"  # whose second file is a header and no row
    assert fuzz.outcome(reader, b"", tmp_path / name)[0] == (name in MAY_BE_EMPTY)
    inputs = [fuzz.random_input(reader, random.Random(f"{name} {number}")) for number in range(NUM_INPUTS)]
    content = reader.files[0]
    inputs += [content[:end] for end in range(1, len(content), 1 + len(content) // NUM_CUTS)]
    damaged = [fuzz.outcome(reader, content, tmp_path / name) for content in inputs]
    assert False in {accepted for accepted, _, _ in damaged}  # else the damage never reached the reader
    assert max(seconds for _, seconds, _ in damaged) < 5


def test_another_error_and_too_much_memory_do_not_pass(fuzz: ModuleType, tmp_path: Path) -> None:
    def untyped(path: Path) -> None:
        raise ValueError("untyped")

    with pytest.raises(ValueError, match="untyped"):
        fuzz.outcome(fuzz.Reader([], [], untyped), b"x", tmp_path / "file")
    with pytest.raises(AssertionError, match="bytes of memory for a file of 1"):
        fuzz.outcome(fuzz.Reader([], [], lambda path: bytearray(2**22)), b"x", tmp_path / "file")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells the peak of memory anew on Linux only")
def test_memory_of_compiled_code_is_seen_at_each_input(fuzz: ModuleType, tmp_path: Path) -> None:
    def take(path: Path) -> None:
        memory = mmap.mmap(-1, 2**26)
        memory[:: mmap.PAGESIZE] = b"1" * (len(memory) // mmap.PAGESIZE)
        memory.close()

    for _ in range(2):
        with pytest.raises(AssertionError, match="bytes of memory for a file of 1"):
            fuzz.outcome(fuzz.Reader([], [], take), b"x", tmp_path / "file")


def test_an_input_that_never_ends_is_found(
    fuzz: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(path: Path) -> None:
        while True:
            with suppress(Exception):
                path.stat()

    monkeypatch.setattr(fuzz, "SECONDS", 0.05)
    before = signal.signal(signal.SIGPROF, fuzz.hung)
    try:
        with pytest.raises(fuzz.Hang, match=r"no outcome within 0\.05 s"):
            fuzz.fuzz("endless", fuzz.Reader([b"ab"], [b"x"], read), 3, 0, tmp_path)
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGPROF, before)
    assert "endless: input 0 of seed 0: b''" in capsys.readouterr().out


def test_a_tar_header_that_asks_for_gigabytes_is_refused(readers: dict, tmp_path: Path) -> None:
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 2**33 - 1
    (tmp_path / "1.tar").write_bytes(name.tobuf(tarfile.GNU_FORMAT) + readers["tar_shards"].files[0])
    with pytest.raises(RecordError, match=r"1\.tar is damaged .*a header of 8589934592 bytes"):
        TarShards(tmp_path)


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
