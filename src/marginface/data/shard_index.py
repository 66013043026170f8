"""File with the table of tar shards, so that only the first start scans them.

It begins with a line for each shard: name, bytes and time of the last change; an empty line; CRC-32 of the rest; then
offsets, sizes and labels (int64) and numbers of the shards (int32), all little endian. A file whose first lines are not
those of the shards that are there was made of others.
Shapes: M samples.
"""

import os
import struct
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import RecordError

_BYTES = 28  # a sample
_CRC = struct.Struct("<I")


class ShardTable(NamedTuple):
    """Where each image is."""

    offsets: NDArray[np.int64]  # (M,) first byte in its shard
    sizes: NDArray[np.int64]  # (M,) bytes
    labels: NDArray[np.int64]  # (M,) class index
    shard_of: NDArray[np.int32]  # (M,) number of its shard


def stated(shards: Sequence[Path]) -> bytes:
    """The first lines of the index of some shards. Ask before a scan: what changes during it makes the index stale."""
    lines = []
    for shard in shards:
        status = shard.stat()
        lines.append(b"%s\t%d\t%d\n" % (os.fsencode(shard.name), status.st_size, status.st_mtime_ns))
    return b"".join(lines) + b"\n"


def read_shard_index(path: Path, about: bytes) -> ShardTable | None:
    """Read a table.

    Args:
        path: The file.
        about: The shards that are there, as :func:`stated` writes them.

    Returns:
        The table; None where there is no such file or it was made of other shards.

    Raises:
        RecordError: The file is damaged.
    """
    if not path.is_file():
        return None
    content = path.read_bytes()
    if not content.startswith(about):
        return None
    start = len(about) + _CRC.size
    count = (len(content) - start) // _BYTES
    whole = count > 0 and len(content) == start + count * _BYTES
    if not whole or zlib.crc32(memoryview(content)[start:]) != _CRC.unpack_from(content, len(about))[0]:
        raise RecordError(f"index={path} is damaged: delete it, and the shards are scanned again.")
    # Copies, as the columns begin anywhere in the file.
    numbers = np.frombuffer(content, "<i8", 3 * count, start).reshape(3, count).astype(np.int64)
    shard_of = np.frombuffer(content, "<i4", count, start + 24 * count).astype(np.int32)
    return ShardTable(numbers[0], numbers[1], numbers[2], shard_of)


def write_shard_index(path: Path, about: bytes, table: ShardTable) -> None:
    """Write a table; the file gets its name only when it is complete, so that several processes may write it.

    Args:
        path: The file to make, in a folder that is there.
        about: The shards that it is about.
        table: Of them.
    """
    columns = b"".join(column.astype(f"<i{column.itemsize}").tobytes() for column in table)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder:
        made = Path(folder) / path.name
        made.write_bytes(about + _CRC.pack(zlib.crc32(columns)) + columns)
        made.replace(path)
