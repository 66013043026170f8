"""Readers of packs, pairs and tables for `bench/fuzz.py`: intact files, how to damage them, what must hold."""

import io
import pickle
import struct
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fuzz_mutations import (
    Mutate,
    fields_mutant,
    lines_mutant,
    pickle_mutant,
    tar_mutant,
    words_mutant,
)
from marginface.data.benchmark_files.feature_file import map_matrix, read_feature, write_feature, write_matrix
from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.list_file import ListFile
from marginface.data.pairs import read_pairs, write_pairs
from marginface.data.record.face_records import FaceRecords, write_face_records
from marginface.data.record.irheader import pack, unpack
from marginface.data.record.record_index import read_index
from marginface.data.record.recordio import RecordReader, RecordWriter
from marginface.data.text_table import TextTable
from marginface.data.webdataset import TarShards

MAGIC = bytes.fromhex("0a23d7ce")
FREE_BYTES = 2**20  # what a reader may take whatever the file's size
TABLE_BYTES = 2**23  # the same of one that reads in blocks of 4 MB
NUMBERS = [struct.pack("<I", n) for n in (0, 1, 5, 2**29 - 1, 2**29, 2**30 + 3, 2**31 - 1, 2**32 - 1)]
WORDS = [
    *(b"-1", b"0", b"9" * 20, b"-" + b"9" * 20, b"9" * 5000, b"1e999", b"nan", b"1_0"),
    *(b"\t", b" ", b"\n", b",", b"\xff"),
]
IMAGES = [b"\xff\xd8" + bytes([i]) * (20 + i) + b"\xff\xd9" for i in range(6)]
OCTAL = [b"0" * 11 + b"\0", b"7" * 11 + b"\0", b"-0000000001\0", b"\x80" + b"\xff" * 11, b"\xff" * 12]
TAR_PIECES = [*OCTAL, *(bytes([kind]) for kind in b"015xgLKSV"), b"20 size=-9999999\n", b"ustar\x0000", b"\0" * 512]


RECORDIO = [MAGIC, *NUMBERS, MAGIC + NUMBERS[0], MAGIC + NUMBERS[4]]
HEADER = fields_mutant(*((4 * word, "<i") for word in range(5)))


class Reader(NamedTuple):
    """What is fuzzed.

    Args:
        files: valid contents, one of which is damaged at a time.
        pieces: bytes that mean something to the reader.
        read: reads the file at a path to the end, checks what it got; raises AssertionError at a wrong value.
        free: bytes of memory that it may take whatever the file's size.
        mutate: damages a file as its format allows; None for damage to bytes alone.
        errors: what a refusal is.
    """

    files: list[bytes]
    pieces: list[bytes]
    read: Callable[[Path], None]
    free: int = FREE_BYTES
    mutate: Mutate | None = None
    errors: tuple[type[Exception], ...] = (DataError,)


def made(write: Callable[[Path], object]) -> bytes:
    """Content of a file that a function writes."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "file")
        return (Path(folder) / "file").read_bytes()


def make_readers(folder: Path) -> dict[str, Reader]:
    """Readers of binary files and of large tables.

    Args:
        folder: empty; for the intact files that accompany a damaged one.
    """
    write_face_records(folder, [(i // 2, image) for i, image in enumerate(IMAGES)])
    rec, idx, stated = (folder / name for name in ("train.rec", "train.idx", "property"))
    packs = {
        "recordio": Reader([rec.read_bytes(), made(_write_records)], RECORDIO, _scan),
        "recordio_idx": Reader([rec.read_bytes()], RECORDIO, lambda path: _read_all(RecordReader(path, idx), path)),
        "irheader": Reader([pack(3.0, 1, 0, b"image"), pack([1.0, 2.0], 0, 1)], NUMBERS, _unpack),
        "face_records": Reader([rec.read_bytes()], RECORDIO, lambda path: _faces(path, "train.rec", [idx, stated])),
    }
    texts = {
        "idx": Reader([idx.read_bytes()], WORDS, lambda path: _read_index(path, rec)),
        "property": Reader([stated.read_bytes()], WORDS, lambda path: _faces(path, "property", [rec, idx])),
        "list_file": Reader([b"a/1.jpg 0\nb/2.jpg 1\n", b"a/1.jpg x\n\nb/2.jpg y z\n"], WORDS, _listed("path_label")),
        "lst": Reader([b"0\t1.000000\ta/1.jpg\n1\t7\tb/2.jpg\n"], WORDS, _listed("lst")),
        **_table_readers(folder),
    }
    return {
        **{name: reader._replace(mutate=words_mutant) for name, reader in packs.items()},
        **{name: reader._replace(mutate=lines_mutant) for name, reader in texts.items()},
        "bin": Reader(pickles(), opcodes(), _pairs, mutate=pickle_mutant),
        "feature": Reader(*_floats((6, 1)), _feature, mutate=HEADER),
        "matrix": Reader(*_floats((3, 2)), _matrix, mutate=HEADER),
        "tar_shards": Reader(
            [_tar(tarfile.PAX_FORMAT), _tar(tarfile.GNU_FORMAT)], TAR_PIECES, _shard, mutate=tar_mutant
        ),
    }


def _table_readers(folder: Path) -> dict[str, Reader]:
    return {
        "table": _table_reader([b"1 2 3\n" * 5, b"1\t 22 -3\r\n4 5 6\n"], TextTable(folder, ("a", "b", "c"))),
        "named_table": _table_reader(
            [b"name,a,b\nx/1.jpg,1.5,2\ny/2.jpg,3,4e1,more\n", b"name,a,b\n"],
            TextTable(folder, ("name", "a", "b"), True, float, b",", True, True),
        ),
        "headed_table": _table_reader([b"a b\n1 2\n3 4\n"], TextTable(folder, ("a", "b"), has_header=True)),
    }


def _table_reader(files: list[bytes], table: TextTable) -> Reader:
    return Reader(files, WORDS, lambda path: _table(replace(table, path=path)), TABLE_BYTES)


def _floats(shape: tuple[int, int]) -> tuple[list[bytes], list[bytes]]:
    """A file of features, pieces for it."""
    rows = np.ones(shape, np.float32)
    if shape[1] == 1:
        return [made(lambda path: write_feature(path, rows[:, 0]))], NUMBERS
    return [made(lambda path: write_matrix(path, shape, [rows]))], NUMBERS


def pickles() -> list[bytes]:
    """Verification files as Python 2, Python 3 and numpy write them."""
    same = [True, False, True]
    arrays = [np.frombuffer(image, np.uint8) for image in IMAGES]
    ours = made(lambda path: write_pairs(path, (IMAGES, same)))
    return [ours, *(pickle.dumps(c, p) for c in ((IMAGES, same), (arrays, np.array(same))) for p in (0, 2, 3, 5))]


def opcodes() -> list[bytes]:
    """All instructions of pickles, some with what follows them."""
    codes = [getattr(pickle, name) for name in pickle.__all__ if name.isupper()]
    plain = [code for code in codes if isinstance(code, bytes)]
    calls = [b"cnumpy\n" + name + b"\n" for name in (b"dtype", b"ndarray")]
    lengths = [code + n for code in (b"B", b"X", b"T", b"j", b"r", b"J") for n in NUMBERS]
    big = [b"\x8a\xff" + b"\x7f" * 255, b"\x8e" + b"\xff" * 7 + b"\x7f", b"\x96" + b"\xff" * 7 + b"\x7f"]
    return [*plain, *calls, *lengths, *big, b"h\x00", b"h\x01", b"cos\nsystem\n", b"c_codecs\nencode\n"]


def _write_records(path: Path) -> None:
    with RecordWriter(path, path.with_suffix(".idx")) as writer:
        for key, payload in enumerate((b"first", MAGIC + b"second" + MAGIC, b"", b"x" * 30 + MAGIC + b"yz", b"last")):
            writer.write(key, payload)


def _scan(path: Path) -> None:
    _read_all(RecordReader(path), path)


def _read_all(reader: RecordReader, path: Path) -> None:
    for key in reader.keys.tolist():
        assert len(reader.read(key)) < path.stat().st_size
    assert reader.peek(reader.keys, 28).shape == (len(reader), 28)


def _unpack(path: Path) -> None:
    payload = path.read_bytes()
    header, image = unpack(payload, "record")
    assert len(header.labels) == max(header.flag, 1)
    assert payload.endswith(image)


def _read_index(path: Path, rec: Path) -> None:
    index = read_index(path)
    assert len(index.keys) == len(index.offsets) == len(path.read_bytes().strip().split(b"\n"))
    assert sorted(map(int, index.keys)) == sorted(
        int(line.split()[0]) for line in path.read_bytes().strip().split(b"\n")
    )
    _read_all(RecordReader(rec, path), rec)


def _listed(layout: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        faces = ListFile(path.parent, path, layout, check_files=False)
        assert 0 <= faces.labels.min() <= faces.labels.max() < faces.num_classes == len(faces.classes)
        with suppress(DataNotFoundError):  # what a correct list would end with here
            ListFile(path.parent, path, layout)

    return read


def _tar(format: int) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=format) as tar:
        for number, image in enumerate(IMAGES[:3]):
            name = f"{'é' * 60 * (number == 2)}/{number}"  # one long name with a header of its own
            for extension, held in (("jpg", image), ("cls", b"%d" % number)):
                member = tarfile.TarInfo(f"{name}.{extension}")
                member.size = len(held)
                tar.addfile(member, io.BytesIO(held))
    return content.getvalue()


def _shard(path: Path) -> None:
    faces = TarShards(path.parent, path.name)
    assert 0 <= faces.labels.min() <= faces.labels.max() < faces.num_classes
    assert all(len(faces.read(place)) <= path.stat().st_size for place in range(len(faces)))


def _faces(path: Path, name: str, others: list[Path]) -> None:
    folder = path.with_suffix(".pack")
    folder.mkdir(exist_ok=True)
    for other in others:
        target = folder / other.name
        if not target.exists():
            target.symlink_to(other)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(path)
    faces = FaceRecords(folder)
    assert len(faces.labels) == len(faces)
    assert 0 <= faces.labels.min() <= faces.labels.max() < faces.num_classes
    for place in range(len(faces)):
        faces.read(place)


def _pairs(path: Path) -> None:
    pairs = read_pairs(path)
    size = path.stat().st_size
    assert all(isinstance(image, bytes) and 0 < len(image) <= size for image in pairs.images)
    assert max(pairs.first.max(), pairs.second.max()) < len(pairs.images)


def _feature(path: Path) -> None:
    assert read_feature(path).nbytes == path.stat().st_size - 16


def _matrix(path: Path) -> None:
    assert map_matrix(path).nbytes == path.stat().st_size - 16


def _table(table: TextTable) -> None:
    words: list[Any] = []
    for block in table.blocks():
        assert block.numbers.shape[1] == len(table.columns) - table.named
        words += block.numbers.ravel().tolist()
    if table.kind is int:  # the naive reading of what was accepted
        lines = table.path.read_bytes().removesuffix(b"\n").split(b"\n")[table.has_header :]
        assert words == [int(word) for line in lines for word in line.split() if b"_" not in word]
