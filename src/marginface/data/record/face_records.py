"""Face packs in the layout of insightface and CASIA-WebFace: train.rec, train.idx, property.

Record 0 is a header with labels (N+1, N+1+I) and no image; keys 1..N are images; keys N+1..N+I are identity
records with labels (first image key, last image key + 1) and no image. A pack made by im2rec has images only.

Source: insightface `rec_builder.py` (writer), `recognition/arcface_torch/dataset.py` (reader).
Shapes: N images, I identities.
"""

import tempfile
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataNotFoundError, LabelError, RecordError
from marginface.data.record.irheader import PEEK_BYTES, first_labels, pack, unpack
from marginface.data.record.pack_layout import PackLayout
from marginface.data.record.recordio import RecordReader, RecordWriter
from marginface.data.shared_arrays import SharesArrays

_BLOCK = 1 << 16
_ONE_LABEL = b"\0\0\0\0"  # flag of a header with a scalar label; the image follows the header at once
_HEADER_BYTES = PEEK_BYTES - 4
_LARGEST = (1 << 31) - 1  # number that `property` may state
_EXACT = 1 << 24  # float32 holds every integer up to here
_PAYLOAD_START = 8  # bytes of a record before its payload
_INSIGHTFACE = PackLayout()


class FaceRecords(SharesArrays):
    """Labelled faces of a pack; all labels are read when it is opened, images when they are asked for.

    Args:
        root: Folder with `<name>.rec`, `<name>.idx` and `property` (one line `num_classes,height,width`).
        name: Name of the pack.

    Attributes:
        labels: Class index of each image, (N,) int64.
        num_classes: Number of identities that `property` states.
        image_size: Height, width in pixels that `property` states.

    Raises:
        DataNotFoundError: A file is missing.
        RecordError: A file is damaged, or holds no image.
        LabelError: A label is no integer in [0, num_classes).
    """

    def __init__(self, root: Path | str, name: str = "train") -> None:
        root = Path(root)
        self.num_classes, self.image_size = _read_property(root / "property")
        self._reader = RecordReader(root / f"{name}.rec", root / f"{name}.idx")
        self._keys = _without_array(_image_keys(self._reader))
        if len(self._keys) == 0:
            raise RecordError(f"{self._reader.rec} holds no image: copy its files again, or build it again.")
        self.labels = self._read_labels()
        self._reader.unmap()  # the pages that held the labels; no worker inherits them

    @property
    def keys(self) -> NDArray[np.int64]:
        """Key in the .rec of each image, ascending, (N,) int64."""
        return self._keys_in(slice(None))

    def __len__(self) -> int:
        return len(self._keys)

    def read(self, index: int) -> bytes:
        """Encoded image of sample `index`."""
        payload = self._reader.read(int(self._keys[index]))
        if payload.startswith(_ONE_LABEL) and len(payload) >= _HEADER_BYTES:  # `unpack` would cost more than the read
            return payload[_HEADER_BYTES:]
        return unpack(payload, self.where(index))[1]

    def where(self, index: int) -> str:
        """The .rec file and the key of sample `index`."""
        return f"{self._reader.rec}, key {self._keys[index]}"

    def read_ahead(self, indices: NDArray[np.int64]) -> None:
        """Have the system load the images of samples (K,) that will be read soon, without waiting for them."""
        is_range = isinstance(self._keys, range)
        self._reader.read_ahead(indices + self._keys[0] if is_range else self.keys[indices])

    def _keys_in(self, part: slice) -> NDArray[np.int64]:
        keys = self._keys[part]
        return np.arange(keys.start, keys.stop) if isinstance(keys, range) else keys

    def _read_labels(self) -> NDArray[np.int64]:
        labels = np.empty(len(self._keys), dtype=np.int64)
        for begin in range(0, len(labels), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            stored = first_labels(self._reader.peek(self._keys_in(block), PEEK_BYTES))
            with np.errstate(invalid="ignore"):  # a signalling NaN
                valid = (stored >= 0) & (stored < self.num_classes) & (stored == np.floor(stored))
            if not valid.all():
                row = int(np.argmin(valid))
                raise LabelError(
                    f"{self.where(begin + row)}: label {stored[row]} is no integer in [0, {self.num_classes}), the "
                    "range that `property` states. Correct num_classes in `property`, or build the pack again."
                )
            labels[block] = stored.astype(np.int64)
        return labels


def write_face_records(
    root: Path | str,
    samples: Iterable[tuple[int, bytes]],
    image_size: tuple[int, int] = (112, 112),
    name: str = "train",
    layout: PackLayout = _INSIGHTFACE,
) -> None:
    """Write a pack that `FaceRecords` and insightface read: images, identity records, then the header.

    The files get their names only when they are complete; whoever interrupts the writing leaves no pack.

    Args:
        root: Folder to write to; made if missing. A pack of that name in it is replaced.
        samples: (label, encoded image) of all images, grouped by label: all of 0, then all of 1, ...
        image_size: Height, width in pixels, for `property`.
        name: Name of the pack.
        layout: Place and fields of the header record, end of `property`.

    Raises:
        LabelError: Labels are not grouped as 0, 1, ..., C-1, or there is no sample.
    """
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=root) as folder:
        rec, idx, stated = (Path(folder) / file for file in (f"{name}.rec", f"{name}.idx", "property"))
        with RecordWriter(rec, idx) as writer:
            num_classes, header = _write_records(writer, samples, layout)
        if layout.header_first:  # what it says was known only in the end
            with rec.open("r+b") as file:
                file.seek(_PAYLOAD_START)
                file.write(header)
        stated.write_bytes(f"{num_classes},{image_size[0]},{image_size[1]}{layout.property_end}".encode())
        # No reader opens a pack without its .idx: gone first, back last, it never stands beside another pack's .rec.
        (root / idx.name).unlink(missing_ok=True)
        for path in (rec, stated, idx):
            path.replace(root / path.name)


def _write_records(writer: RecordWriter, samples: Iterable[tuple[int, bytes]], layout: PackLayout) -> tuple[int, bytes]:
    """Number of identities, payload of the header record."""
    key, starts = 1, list[int]()
    if layout.header_first:
        writer.write(0, pack((0, 0), id=0, id2=layout.header_id2))
    for label, image in samples:
        if label == len(starts):
            starts.append(key)
        elif label != len(starts) - 1:
            raise LabelError(
                f"samples: label {label} comes where {len(starts) - 1 if starts else 0} or {len(starts)} is expected. "
                "Pass the samples grouped by label: all of 0, then all of 1, and so on."
            )
        writer.write(key, pack(label, id=key, image=image))
        key += 1
    if not starts:
        raise LabelError("samples is empty: pass at least one (label, image).")
    first_identity = key
    for span in pairwise([*starts, first_identity]):
        writer.write(key, pack(span, id=key))
        key += 1
    header = pack((first_identity, key), id=0, id2=layout.header_id2)
    if not layout.header_first:
        writer.write(0, header)
    return len(starts), header


def _image_keys(reader: RecordReader) -> NDArray[np.int64]:
    """Keys of the records that are images, ascending."""
    if 0 not in reader:
        return reader.keys
    header, image = unpack(reader.read(0), f"{reader.rec}, key 0")
    if header.flag == 0 or image:
        return reader.keys
    end = float(header.labels[0])
    if not 1 <= end < float(1 << 62):
        raise RecordError(f"{reader.rec}: the header record states {end} as first identity key. Build the pack again.")
    # Beyond 2^24 the stated end is rounded: near it the records themselves say whether they are images.
    slack = int(np.spacing(np.float32(end))) if end > _EXACT else 0
    first, last = reader.keys.searchsorted([1, int(end) - slack])
    images = reader.keys[first:last]  # a view: no second copy of the keys
    unsure = reader.keys[(reader.keys >= int(end) - slack) & (reader.keys < int(end) + slack)]
    is_image = [bool(unpack(reader.read(int(key)), f"{reader.rec}, key {key}")[1]) for key in unsure]
    return np.concatenate([images, unsure[np.array(is_image, dtype=bool)]]) if len(unsure) else images


def _without_array(keys: NDArray[np.int64]) -> range | NDArray[np.int64]:
    """Ascending keys; as a range where they have no gap."""
    whole = len(keys) > 0 and keys[-1] - keys[0] == len(keys) - 1
    return range(int(keys[0]), int(keys[-1]) + 1) if whole else keys


def _read_property(path: Path) -> tuple[int, tuple[int, int]]:
    if not path.is_file():
        raise DataNotFoundError(
            f"{path} is missing: expected one line `num_classes,height,width` such as `10572,112,112`. "
            "Check the data folder, fetch the data (dvc pull), or write that line."
        )
    text = path.read_text(errors="replace")
    try:
        num_classes, height, width = (int(field) for field in text.split(",")[:3])
    except ValueError:
        num_classes = height = width = 0
    if min(num_classes, height, width) < 1 or max(num_classes, height, width) > _LARGEST:
        raise RecordError(
            f"{path} holds {text[:80]!r} instead of `num_classes,height,width`, such as `10572,112,112`: mend it."
        )
    return num_classes, (height, width)
