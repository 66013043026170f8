import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marginface.data.errors import DataNotFoundError, RecordError
from marginface.data.record.recordio import RecordReader, RecordWriter

MAGIC = bytes.fromhex("0a23d7ce")
PAYLOADS = [b"first", MAGIC + b"second" + MAGIC, b"", b"x" * 100 + MAGIC + b"yz", b"last record"]


def _write(folder: Path, payloads: list[bytes]) -> tuple[Path, Path]:
    rec, idx = folder / "train.rec", folder / "train.idx"
    with RecordWriter(rec, idx) as writer:
        for key, payload in enumerate(payloads):
            writer.write(key, payload)
    return rec, idx


def _patch(path: Path, offset: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(data)] = data
    path.write_bytes(content)


# Bytes that MXNet's own MXRecordIO writes.
@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("", "0a23d7ce00000000"),
        ("61", "0a23d7ce0100000061000000"),
        ("61626364", "0a23d7ce0400000061626364"),
        ("0a23d7ce", "0a23d7ce000000200a23d7ce00000060"),
        ("616263640a23d7ce78797a", "0a23d7ce04000020616263640a23d7ce0300006078797a00"),
        ("61620a23d7ce6364", "0a23d7ce0800000061620a23d7ce6364"),
    ],
)
def test_bytes_are_those_of_mxnet(tmp_path: Path, payload: str, expected: str) -> None:
    rec, idx = _write(tmp_path, [bytes.fromhex(payload)])
    assert rec.read_bytes().hex() == expected
    assert idx.read_text() == "0\t0\n"
    assert RecordReader(rec, idx).read(0).hex() == payload


@settings(max_examples=40, deadline=None)
@given(payloads=st.lists(st.lists(st.sampled_from([MAGIC, b"a", b"bcd", b"efgh", b"\0"]), max_size=8), min_size=1))
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, payloads: list[list[bytes]]) -> None:
    expected = [b"".join(parts) for parts in payloads]
    rec, idx = _write(tmp_path_factory.mktemp("pack"), expected)
    for reader in (RecordReader(rec, idx), RecordReader(rec)):  # with its index, by a scan
        assert [reader.read(key) for key in range(len(expected))] == expected
        assert len(reader) == len(expected)


def test_a_real_pack_written_again_is_the_same_bytes(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "lfw112"
    reader = RecordReader(source / "train.rec", source / "train.idx")
    with RecordWriter(tmp_path / "train.rec", tmp_path / "train.idx") as writer:
        for key in reader.keys:
            writer.write(key, reader.read(key))
    assert (tmp_path / "train.rec").read_bytes() == (source / "train.rec").read_bytes()
    assert (tmp_path / "train.idx").read_bytes() == (source / "train.idx").read_bytes()


def test_keys_may_be_sparse_and_in_any_order(tmp_path: Path) -> None:
    rec, idx = tmp_path / "train.rec", tmp_path / "train.idx"
    with RecordWriter(rec, idx) as writer:
        for key in (7, 3, 100, 0):
            writer.write(key, b"%d" % key)
    reader = RecordReader(rec, idx)
    assert reader.keys.tolist() == [0, 3, 7, 100]
    assert 7 in reader
    assert 8 not in reader
    assert reader.read(100) == b"100"
    with pytest.raises(RecordError, match="no record has key 8"):
        reader.read(8)


@pytest.mark.parametrize("num_bytes", [1, 7, 40, 10_000])
def test_peek_gives_the_first_bytes_of_each_payload(tmp_path: Path, num_bytes: int) -> None:
    reader = RecordReader(*_write(tmp_path, PAYLOADS))
    keys = [3, 0, 4, 1, 2]
    expected = [PAYLOADS[key][:num_bytes].ljust(num_bytes, b"\0") for key in keys]
    peeked = reader.peek(np.array(keys), num_bytes)
    assert peeked.dtype == np.uint8
    assert [row.tobytes() for row in peeked] == expected


def test_peek_names_the_record_that_has_no_magic(tmp_path: Path) -> None:
    rec, idx = _write(tmp_path, PAYLOADS)
    offset = int(idx.read_text().splitlines()[3].split("\t")[1])
    reader = RecordReader(rec, idx)
    _patch(rec, offset, b"\0\0\0\0")
    with pytest.raises(RecordError, match=rf"train\.rec: key 3 at byte {offset} starts with 0x00000000"):
        RecordReader(rec, idx).peek(reader.keys, 4)


def test_a_pickle_carries_the_index_but_not_the_data(tmp_path: Path) -> None:
    reader = RecordReader(*_write(tmp_path, [b"x" * 1_000_000] * 3))
    assert len(pickle.dumps(reader)) < 2000
    assert pickle.loads(pickle.dumps(reader)).read(2) == b"x" * 1_000_000


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    rec, idx = _write(tmp_path, PAYLOADS)
    with pytest.raises(DataNotFoundError, match=r"other\.rec is missing: expected a RecordIO file.*dvc pull"):
        RecordReader(tmp_path / "other.rec", idx)
    with pytest.raises(DataNotFoundError, match=r"other\.idx is missing"):
        RecordReader(rec, tmp_path / "other.idx")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    rec, idx = _write(tmp_path, PAYLOADS)
    rec.write_bytes(b"")
    with pytest.raises(RecordError, match=r"train\.rec is empty"):
        RecordReader(rec, idx)


@pytest.mark.parametrize("lost", [1, 4, 11])
def test_a_cut_last_record_is_refused_at_opening(tmp_path: Path, lost: int) -> None:
    rec, idx = _write(tmp_path, PAYLOADS)  # the last record: 8 bytes, 11 of payload, 1 of padding
    size = rec.stat().st_size
    rec.write_bytes(rec.read_bytes()[: size - 1 - lost])
    with pytest.raises(
        RecordError, match=rf"train\.rec is cut short: key 4.* needs {size - 1} bytes of {size - 1 - lost}"
    ):
        RecordReader(rec, idx)
    with pytest.raises(RecordError, match="is cut short"):
        RecordReader(rec)


def test_an_index_that_points_past_the_end_is_refused(tmp_path: Path) -> None:
    rec, idx = _write(tmp_path, PAYLOADS)
    size = rec.stat().st_size
    idx.write_text(idx.read_text() + f"5\t{size}\n")
    with pytest.raises(
        RecordError,
        match=rf"train\.idx: key 5 points at byte {size}, past the end of train\.rec \({size} bytes\).*copy both",
    ):
        RecordReader(rec, idx)


def test_an_index_that_points_between_words_is_refused(tmp_path: Path) -> None:
    rec, idx = _write(tmp_path, PAYLOADS)
    idx.write_text(idx.read_text() + "5\t6\n")
    with pytest.raises(RecordError, match="key 5 points at byte 6, where no record can begin"):
        RecordReader(rec, idx)


def test_the_wrong_magic_is_refused_at_opening(tmp_path: Path) -> None:
    rec, idx = _write(tmp_path, PAYLOADS)
    _patch(rec, 0, b"\xff\xd8\xff\xe0")
    with pytest.raises(RecordError, match="key 0 at byte 0 starts with 0xe0ffd8ff, not the RecordIO magic 0xced7230a"):
        RecordReader(rec, idx)


def test_a_part_out_of_sequence_is_refused(tmp_path: Path) -> None:
    rec, idx = _write(tmp_path, [b"a", MAGIC + b"b", b"c"])
    offset = int(idx.read_text().splitlines()[1].split("\t")[1])
    _patch(rec, offset + 4, struct.pack("<I", 2 << 29))  # a middle part in front
    reader = RecordReader(rec, idx)
    for read in (lambda: reader.read(1), lambda: reader.peek(reader.keys, 0)):
        with pytest.raises(RecordError, match=rf"key 1 at byte {offset} has part flag 2 after 0 parts"):
            read()
    assert reader.read(0) == b"a"


def test_a_length_that_leaves_the_file_is_refused(tmp_path: Path) -> None:
    rec, idx = _write(tmp_path, [b"a", b"b", b"c"])
    _patch(rec, 12 + 4, struct.pack("<I", 10_000))
    reader = RecordReader(rec, idx)
    for read in (lambda: reader.read(1), lambda: reader.peek(np.array([1]), 1)):
        with pytest.raises(RecordError, match=r"key 1 at byte 12 needs 10020 bytes of 36"):
            read()


def test_a_payload_beyond_29_bits_is_refused(tmp_path: Path) -> None:
    with RecordWriter(tmp_path / "train.rec", tmp_path / "train.idx") as writer:
        with pytest.raises(RecordError, match="payload of key 9 has 536870912 bytes"):
            writer.write(9, bytes(1 << 29))  # zeros that the system never backs with memory
        writer.write(1, b"still usable")
    assert RecordReader(tmp_path / "train.rec", tmp_path / "train.idx").read(1) == b"still usable"
