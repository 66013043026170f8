"""Header that MXNet packs before each image: flag, label, id, id2.

Source: MXNet `recordio.py`, struct `<IfQQ` (24 bytes), followed by `flag` float32 labels when flag > 0.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import RecordError

_HEADER = struct.Struct("<IfQQ")
PEEK_BYTES = _HEADER.size + 4
"""Bytes of a payload that hold its flag, its scalar label, its first array label: what `first_labels` needs."""


class IRHeader(NamedTuple):
    """Header of one record.

    Attributes:
        flag: 0 for a scalar label, else the number of labels.
        labels: (1,) float32 for a scalar label, else (flag,) float32.
        id: Key of the record.
        id2: 1 in the header record of most face packs, else 0.
    """

    flag: int
    labels: NDArray[np.float32]
    id: int
    id2: int


def pack(label: float | Sequence[float] | NDArray[np.float32], id: int, id2: int = 0, image: bytes = b"") -> bytes:
    """Payload of a record.

    Args:
        label: One number, or several (then they follow the 24 bytes and flag is their number). Stored as float32.
        id: Key of the record, unsigned 64 bit.
        id2: Second id, unsigned 64 bit.
        image: Encoded image; empty in header and identity records.

    Returns:
        Header bytes followed by the image.

    Raises:
        ValueError: `label` is an empty array.
    """
    labels = np.asarray(label, dtype="<f4")
    if labels.ndim == 0:
        return _HEADER.pack(0, float(labels), id, id2) + image
    if labels.size == 0:
        raise ValueError("label is an empty array: pass a number or at least one label.")
    return _HEADER.pack(labels.size, 0.0, id, id2) + labels.tobytes() + image


def unpack(payload: bytes, where: str) -> tuple[IRHeader, bytes]:
    """Split a payload into header and image.

    Args:
        payload: Payload of a record.
        where: Where the record lies, for the error message.

    Returns:
        The header, the encoded image (empty in header and identity records).

    Raises:
        RecordError: The payload is shorter than its header says.
    """
    if len(payload) < _HEADER.size:
        raise _short(payload, where, _HEADER.size)
    flag, label, id_, id2 = _HEADER.unpack_from(payload)
    end = _HEADER.size + 4 * flag
    if len(payload) < end:
        raise _short(payload, where, end)
    if flag == 0:
        return IRHeader(0, np.array([label], dtype=np.float32), id_, id2), payload[end:]
    labels = np.frombuffer(payload, dtype="<f4", count=flag, offset=_HEADER.size)
    return IRHeader(flag, labels, id_, id2), payload[end:]


def first_labels(heads: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Label of many records at once: the scalar label, or the first of a label array.

    Args:
        heads: First bytes of M payloads, (M, PEEK_BYTES) uint8.

    Returns:
        Labels, (M,) float32.
    """
    assert heads.shape[1] == PEEK_BYTES
    flag = np.ascontiguousarray(heads[:, 0:4]).view("<u4")[:, 0]
    scalar = np.ascontiguousarray(heads[:, 4:8]).view("<f4")[:, 0]
    first = np.ascontiguousarray(heads[:, 24:28]).view("<f4")[:, 0]
    return np.where(flag > 0, first, scalar).astype(np.float32)


def _short(payload: bytes, where: str, needed: int) -> RecordError:
    return RecordError(
        f"{where}: the record has {len(payload)} bytes where its image header needs {needed}. "
        "Pack the images with an IRHeader (as im2rec or write_face_records do)."
    )
