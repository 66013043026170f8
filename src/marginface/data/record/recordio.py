"""RecordIO files of MXNet, without MXNet.

A record is one or several chunks: u32 magic, u32 (cflag << 29 | length), the bytes, zeros up to a multiple of 4; all
little endian. A payload with the magic at a multiple of 4 is split there (cflag 1, 2, ..., 3), the magic left out.

Source: dmlc-core `recordio.h`, `recordio.cc`; MXNet `MXIndexedRecordIO` for the .idx.
"""

import mmap
import struct
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataNotFoundError, RecordError
from marginface.data.read_ahead import joined, requests
from marginface.data.record.record_index import RecordIndex, make_index, read_index

_MAGIC = 0xCED7230A
_MAGIC_BYTES = struct.pack("<I", _MAGIC)
_CHUNK = struct.Struct("<II")
_LENGTH_BITS = 29
_LENGTH_MASK = (1 << _LENGTH_BITS) - 1
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_LONG = 8  # times the usual size: a longer way to the next record is a gap in the file


class RecordReader:
    """Random access to the records of a .rec file through a memory map.

    Opening checks the index and the first and last record. Pickling carries the paths and the index only, to
    another process as shared memory; each process maps the file by itself at its first read, so a worker opens in
    constant time.

    Args:
        rec: The .rec file.
        idx: Its .idx file. Without it the .rec is scanned once and the records get keys 0, 1, ... in file order.

    Raises:
        DataNotFoundError: A file is missing.
        RecordError: A file is empty or damaged, or the two do not belong together.
    """

    def __init__(self, rec: Path | str, idx: Path | str | None = None) -> None:
        self.rec = Path(rec).absolute()
        self._mapped: mmap.mmap | None = None
        _require_file(self.rec)
        if idx is None:
            self._index = self._scan()
        else:
            _require_file(Path(idx))
            self._index = read_index(Path(idx))
            self._check_offsets(Path(idx))
        by_offset = self._index.offsets
        for row in {int(by_offset.argmin()), int(by_offset.argmax())}:
            self._chunks(int(by_offset[row]), f"key {self._index.key(row)}")

    @property
    def keys(self) -> NDArray[np.int64]:
        """All keys, ascending, (R,) int64, read-only; made anew where they have no gap."""
        return self._index.keys

    def __len__(self) -> int:
        return len(self._index.offsets)

    def __contains__(self, key: int) -> bool:
        return self._index.row(key) >= 0

    def read(self, key: int) -> bytes:
        """Payload of record `key`.

        Raises:
            RecordError: No such key, or its record is damaged.
        """
        row = self._index.row(key)
        if row < 0:
            raise self._no_key(key)
        offset, mapped = int(self._index.offsets[row]), self._map()
        magic, lrec = _CHUNK.unpack_from(mapped, offset)  # opening has seen that the file goes on so far
        end = offset + _CHUNK.size + lrec
        if magic == _MAGIC and lrec <= _LENGTH_MASK and end <= len(mapped):  # whole and sound, as nearly all are
            return mapped[offset + _CHUNK.size : end]
        spans = self._chunks(offset, f"key {key}")
        return _MAGIC_BYTES.join(mapped[start:end] for start, end in spans)

    def peek(self, keys: NDArray[np.int64], num_bytes: int) -> NDArray[np.uint8]:
        """First bytes of many payloads, gathered at once.

        Args:
            keys: Keys of K records, (K,) integers.
            num_bytes: Bytes wanted of each.

        Returns:
            (K, num_bytes) uint8; payloads shorter than that are filled up with zeros.

        Raises:
            RecordError: A key is missing, or the beginning of its record is damaged.
        """
        keys = np.asarray(keys, dtype=np.int64)
        offsets = self._index.offsets[self._rows(keys)]
        width = _CHUNK.size + num_bytes
        heads = np.zeros((len(keys), width), dtype=np.uint8)
        buffer = np.frombuffer(self._map(), dtype=np.uint8)
        fits = offsets + width <= len(buffer)
        if fits.any():
            heads[fits] = np.lib.stride_tricks.sliding_window_view(buffer, width)[offsets[fits]]
        magic, lrec = np.ascontiguousarray(heads[:, : _CHUNK.size]).view("<u4").T
        length = (lrec & _LENGTH_MASK).astype(np.int64)
        sound = fits & (magic == _MAGIC) & (lrec >> _LENGTH_BITS <= _FIRST)
        sound &= (length >= num_bytes) & (offsets + _CHUNK.size + length <= len(buffer))
        # Short, split or damaged records, and the last ones of the file: one by one, `read` says what is wrong.
        for row in np.flatnonzero(~sound):
            start = self.read(int(keys[row]))[:num_bytes]
            heads[row, _CHUNK.size :] = 0
            heads[row, _CHUNK.size : _CHUNK.size + len(start)] = np.frombuffer(start, dtype=np.uint8)
        return heads[:, _CHUNK.size :]

    def read_ahead(self, keys: NDArray[np.int64]) -> None:
        """Have the system load records that will be read soon, without waiting for them.

        Args:
            keys: Keys of K records, (K,) integers. Those that lie together in the file are asked for together.

        Raises:
            RecordError: A key is missing.
        """
        mapped, rows = self._map(), self._rows(np.asarray(keys, dtype=np.int64))
        starts, usual = self._index.offsets[rows], max(mmap.PAGESIZE, len(mapped) // len(self))
        following = self._index.offsets[np.minimum(rows + 1, len(self) - 1)]
        # The last record, keys in another order than records, or an index of some records only.
        apart = (following <= starts) | (following > starts + _LONG * usual)
        ends = np.where(apart, starts + usual, following)
        if hasattr(mmap, "MADV_WILLNEED"):  # all but Windows
            for start, length in requests(joined(starts, np.minimum(ends, len(mapped))), mmap.PAGESIZE):
                mapped.madvise(mmap.MADV_WILLNEED, start, length)

    def _rows(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = self._index.rows(keys)
        if (rows < 0).any():
            raise self._no_key(int(keys[rows < 0][0]))
        return rows

    def _no_key(self, key: int) -> RecordError:
        first, last = self._index.key(0), self._index.key(len(self) - 1)
        return RecordError(
            f"{self.rec}: no record has key {key}; keys run from {first} to {last}. "
            "Ask for a key in `keys`, or copy the .rec and .idx again if records are missing."
        )

    def _chunks(self, offset: int, name: str) -> list[tuple[int, int]]:
        """Byte spans (start, end) of the parts of the record at `offset`."""
        mapped = self._map()
        size = len(mapped)
        spans: list[tuple[int, int]] = []
        while True:
            start = offset + _CHUNK.size
            if start > size:
                raise self._cut_short(start, offset, name)
            magic, lrec = _CHUNK.unpack_from(mapped, offset)
            flag, end = lrec >> _LENGTH_BITS, start + (lrec & _LENGTH_MASK)
            if magic != _MAGIC:
                raise self._damaged(offset, name, f"starts with {magic:#010x}, not the RecordIO magic {_MAGIC:#010x}")
            if flag not in ((_MIDDLE, _LAST) if spans else (_WHOLE, _FIRST)):
                raise self._damaged(offset, name, f"has part flag {flag} after {len(spans)} parts")
            if end > size:
                raise self._cut_short(end, offset, name)
            spans.append((start, end))
            if flag in (_WHOLE, _LAST):
                return spans
            offset = _padded(end)

    def _cut_short(self, end: int, offset: int, name: str) -> RecordError:
        return RecordError(
            f"{self.rec} is cut short: {name} at byte {offset} needs {end} bytes of {len(self._map())}. Copy it again."
        )

    def _damaged(self, offset: int, name: str, what: str) -> RecordError:
        return RecordError(
            f"{self.rec}: {name} at byte {offset} {what}. The file is damaged, no .rec, or its .idx is another pack's: "
            "copy both again."
        )

    def _check_offsets(self, idx: Path) -> None:
        offsets, size = self._index.offsets, len(self._map())
        for bad, what in (
            (offsets > size - _CHUNK.size, f"past the end of {self.rec.name} ({size} bytes)"),
            ((offsets < 0) | (offsets % 4 != 0), "where no record can begin (not a multiple of 4)"),
        ):
            if bad.any():
                row = int(bad.argmax())
                raise RecordError(
                    f"{idx}: key {self._index.key(row)} points at byte {offsets[row]}, {what}; {bad.sum()} keys do. "
                    "The .rec was cut short or the .idx is another pack's: copy both again."
                )

    def _scan(self) -> RecordIndex:
        mapped, offsets, offset = self._map(), [], 0
        while offset < len(mapped):
            offsets.append(offset)
            offset = _padded(self._chunks(offset, f"record {len(offsets) - 1}")[-1][1])
        return make_index(np.arange(len(offsets), dtype=np.int64), np.array(offsets, dtype=np.int64))

    def _map(self) -> mmap.mmap:
        if self._mapped is None:
            with self.rec.open("rb") as file:
                self._mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._mapped

    def unmap(self) -> None:
        """Let go of the file's pages; the next read maps it again."""
        self._mapped = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_mapped": None}


class RecordWriter:
    """Writes a .rec file and its .idx, byte for byte as MXNet does. Use as a context manager.

    Args:
        rec: The .rec file to make; an existing one is overwritten.
        idx: The .idx file to make.
    """

    def __init__(self, rec: Path | str, idx: Path | str) -> None:
        self._paths = Path(rec), Path(idx)
        self._offset = 0

    def __enter__(self) -> Self:
        self._rec, self._idx = self._paths[0].open("wb"), self._paths[1].open("wb")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._rec.close()
        self._idx.close()

    def write(self, key: int, payload: bytes) -> None:
        """Append a record.

        Args:
            key: Its key, distinct from all others (a reader refuses a pack with a key twice).
            payload: Its bytes, fewer than 2^29.

        Raises:
            RecordError: `payload` is too long for the format.
        """
        if len(payload) > _LENGTH_MASK:
            raise RecordError(
                f"payload of key {key} has {len(payload)} bytes, RecordIO holds at most {_LENGTH_MASK} (2^29 - 1): "
                "store a smaller image."
            )
        record = _encode(payload)
        self._rec.write(record)
        self._idx.write(b"%d\t%d\n" % (key, self._offset))
        self._offset += len(record)


def _encode(payload: bytes) -> bytes:
    """Chunks of a payload: cut at each aligned magic, which is left out."""
    parts, begin, hit = [], 0, payload.find(_MAGIC_BYTES)
    while hit >= 0:
        if hit % 4 == 0:
            parts.append(payload[begin:hit])
            begin = hit + 4
        hit = payload.find(_MAGIC_BYTES, hit + 1)
    parts.append(payload[begin:])
    flags = [_FIRST, *[_MIDDLE] * (len(parts) - 2), _LAST] if len(parts) > 1 else [_WHOLE]
    chunks = (
        _CHUNK.pack(_MAGIC, flag << _LENGTH_BITS | len(part)) + part for flag, part in zip(flags, parts, strict=True)
    )
    return b"".join(chunks) + b"\0" * (_padded(len(parts[-1])) - len(parts[-1]))


def _padded(end: int) -> int:
    return end + (-end) % 4


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise DataNotFoundError(
            f"{path} is missing: expected a RecordIO file there. Check the data folder, or fetch the data (dvc pull)."
        )
    if path.stat().st_size == 0:
        raise RecordError(f"{path} is empty (0 bytes): copy it again.")
