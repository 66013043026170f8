"""Labelled faces in tar shards as the WebDataset library writes them: `<key>.jpg` beside `<key>.cls`.

Source: WebDataset's format: files of one sample follow one another; their key is the path up to the first dot of the
file name; `.cls` holds the class index as text.
Shapes: M samples.
"""

import io
import logging
import os
import tarfile
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataNotFoundError, LabelError, RecordError
from marginface.data.found import found
from marginface.data.read_ahead import joined, requests
from marginface.data.shard_index import ShardTable, read_shard_index, stated, write_shard_index
from marginface.data.shared_arrays import SharesArrays
from marginface.data.source import size_of

log = logging.getLogger(__name__)

_IMAGES = ("jpg", "jpeg", "png", "bmp", "webp")
_MAX_OPEN = 128  # a process may have some hundreds of files open; sets have thousands of shards
_MAX_LABEL_BYTES = 32
_MAX_HEADER_BYTES = 1 << 20  # of a long name or a pax header


class TarShards(SharesArrays):
    """Random access to the images of uncompressed tar files, by byte position.

    Opening goes once through the headers of all shards and keeps 28 bytes a sample, no Python object. Files of other
    kinds (`.json`, `.txt`) are passed over. Pickling carries the table, to another process as shared memory; each
    process opens the shards by itself.

    Args:
        root: Folder of the shards.
        pattern: Which files in it are shards, numbered in the order of their names.
        image_size: Height, width in pixels that the images have.
        index: File, from `root` on, that keeps the table, so that the next start need not scan the shards; it is made
            where it is missing, or a shard has another name, size or time of change. None scans at each start.

    Attributes:
        labels: Class index of each sample, (M,) int64.
        num_classes: The highest class index and one.
        image_size: As given.

    Raises:
        DataNotFoundError: No shard.
        RecordError: A shard is damaged, compressed or holds no image, a sample lacks its image or label, or `index` is
            damaged.
        LabelError: A label is no class index.
    """

    def __init__(
        self,
        root: Path | str,
        pattern: str = "*.tar",
        image_size: tuple[int, int] = (112, 112),
        index: Path | str | None = None,
    ) -> None:
        self.image_size = size_of(image_size)
        self.shards = sorted(Path(root).absolute().glob(pattern))
        if not self.shards:
            raise DataNotFoundError(
                f"{found(Path(root))}, no {pattern}: expected tar shards with `<key>.jpg` and `<key>.cls`. Set root or "
                "pattern."
            )
        table = _scan(self.shards) if index is None else _indexed(self.shards, Path(root) / index)
        self._offsets, self._sizes, self.labels, self._shard_of = table
        self.num_classes = int(self.labels.max()) + 1
        self._open: dict[int, int] = {}  # file descriptors by shard, the one opened last at the end

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> bytes:
        """Encoded image of sample `index`.

        Raises:
            RecordError: The shard was cut short since it was opened.
        """
        size = int(self._sizes[index])
        image = os.pread(self._descriptor(int(self._shard_of[index])), size, int(self._offsets[index]))
        if len(image) < size:
            raise RecordError(f"{self.where(index)} needs {size} bytes, {len(image)} are left: copy the shard again.")
        return image

    def where(self, index: int) -> str:
        """The shard and the byte position of sample `index`."""
        return f"{self.shards[self._shard_of[index]]}, byte {self._offsets[index]}"

    def read_ahead(self, indices: NDArray[np.int64]) -> None:
        """Have the system load the images of samples (K,) that will be read soon, without waiting for them."""
        if not hasattr(os, "posix_fadvise"):  # macOS
            return
        shard_of, starts = self._shard_of[indices], self._offsets[indices]
        ends = starts + self._sizes[indices]
        for shard in np.unique(shard_of).tolist():
            own = shard_of == shard
            for start, length in requests(joined(starts[own], ends[own])):
                os.posix_fadvise(self._descriptor(shard), start, length, os.POSIX_FADV_WILLNEED)

    def _descriptor(self, shard: int) -> int:
        if shard not in self._open:
            if len(self._open) >= _MAX_OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            try:
                self._open[shard] = os.open(self.shards[shard], os.O_RDONLY)
            except FileNotFoundError as error:
                raise DataNotFoundError(f"{self.shards[shard]} is gone since it was scanned: put it back.") from error
        return self._open[shard]

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_open": {}}

    def __del__(self) -> None:
        for descriptor in self.__dict__.get("_open", {}).values():
            os.close(descriptor)


class _Headers(io.FileIO):
    """A shard whose headers are read: a forged one can ask for gigabytes, which Python takes before it reads."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return super().read(-1 if size is None else size) or b""


def _indexed(shards: Sequence[Path], index: Path) -> ShardTable:
    """The table of shards as a file has it, which is made where there is none of them as they are now."""
    about = stated(shards)
    table = read_shard_index(index, about)
    if table is None:
        log.info("scanning %d shards, to keep their table in %s", len(shards), index)
        table = _scan(shards)
        write_shard_index(index, about, table)
    return table


def _scan(shards: Sequence[Path]) -> ShardTable:
    table, shard_of = array("q"), array("i")
    for number, shard in enumerate(shards):
        before = len(table)
        for row in _samples(shard):
            table.extend(row)
        shard_of.extend([number] * ((len(table) - before) // 3))
    columns = np.frombuffer(table, dtype=np.int64).reshape(-1, 3)
    offsets, sizes, labels = (np.ascontiguousarray(column) for column in columns.T)
    return ShardTable(offsets, sizes, labels, np.array(shard_of, dtype=np.int32))


def _samples(shard: Path) -> Iterator[tuple[int, int, int]]:
    """Position, size and label of each image of a shard."""
    key, image, label = "", None, None
    num_samples = 0
    for name, extension, place, text in _members(shard):
        if name != key and (image or label is not None):
            yield _complete(shard, key, image, label)
            num_samples, image, label = num_samples + 1, None, None
        key = name
        if extension in _IMAGES:
            if image:
                raise RecordError(f"{shard}: sample {key!r} has two images: give them two keys.")
            image = place
        elif extension == "cls":
            label = _label(shard, key, text)
    if image or label is not None:
        yield _complete(shard, key, image, label)
        num_samples += 1
    if not num_samples:
        raise RecordError(f"{shard} holds no `<key>.jpg` with its `<key>.cls`: leave it out, or write it again.")


def _members(shard: Path) -> Iterator[tuple[str, str, tuple[int, int], bytes]]:
    """Key, lower-case extension, position and size of each file, first bytes of a label's."""
    total, end = shard.stat().st_size, 0
    try:
        with _Headers(shard) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every header otherwise
                place = member.offset_data, member.size
                # A forged header could lead round in a circle.
                if not end < place[0] <= place[0] + place[1] <= total:
                    raise tarfile.ReadError(f"{member.name} has {place[1]} bytes from byte {place[0]} on, of {total}")
                end = place[0]
                folder, slash, name = member.name.rpartition("/")
                stem, _, extension = name.partition(".")
                if member.isreg() and stem:
                    text = os.pread(file.fileno(), _MAX_LABEL_BYTES + 1, end) if extension.lower() == "cls" else b""
                    yield folder + slash + stem, extension.lower(), place, text[: member.size]
    except (tarfile.TarError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        raise RecordError(
            f"{shard} is damaged or no uncompressed tar ({error}): copy it again, or unpack it first (gunzip)."
        ) from error


def _label(shard: Path, key: str, text: bytes) -> int:
    word = text.strip()
    if not word.isdigit() or len(text) > _MAX_LABEL_BYTES or int(word) >= 1 << 31:
        raise LabelError(
            f"{shard}: {key}.cls holds {text[:_MAX_LABEL_BYTES]!r}, no class index (0 to 2^31 - 1 as text): write the "
            "shards with integer labels."
        )
    return int(word)


def _complete(shard: Path, key: str, image: tuple[int, int] | None, label: int | None) -> tuple[int, int, int]:
    if image is None or label is None:
        lacks = f"no image ({' '.join(_IMAGES)})" if image is None else "no label (cls)"
        raise RecordError(
            f"{shard}: sample {key!r} has {lacks}. Files of one sample must follow one another: write the shard again."
        )
    return (*image, label)
