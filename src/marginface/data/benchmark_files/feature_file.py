"""Files in which organisers of benchmarks exchange features: a matrix of 32-bit floats behind a header of 16 bytes.

Header: rows, columns, bytes from row to row, 5 (OpenCV's code of 32-bit floats), int32 each. Then the rows, float32.
All little endian. MegaFace: one file an image, D rows and 1 column. Trillion Pairs: one file, N rows and D columns.

Source: ``matio.py`` of the MegaFace development kit; ``gen_image_feature.py`` of github.com/deepinsight/insightface.
"""

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataError, DataNotFoundError

_HEADER = struct.Struct("<4i")
_FLOAT32 = 5
_ITEM = 4  # bytes of a float32


def write_feature(path: Path, feature: NDArray[np.float32]) -> None:
    """Write the feature of one image.

    Args:
        path: The file; its folder exists.
        feature: (D,) float32.
    """
    path.write_bytes(_HEADER.pack(len(feature), 1, _ITEM, _FLOAT32) + feature.astype("<f4").tobytes())


def read_feature(path: Path) -> NDArray[np.float32]:
    """Feature of one image, (D,) float32.

    Raises:
        DataError: It is no such file, or one that was cut short.
    """
    content = path.read_bytes()
    _, num_columns = _shape(path, content[: _HEADER.size], len(content))
    if num_columns != 1:
        raise DataError(f"{path} has {num_columns} columns: the feature of one image is a single column of D rows")
    return np.frombuffer(content, "<f4", offset=_HEADER.size)


def write_matrix(path: Path, shape: tuple[int, int], parts: Iterable[NDArray[np.float32]]) -> None:
    """Write a matrix that need not fit into memory; under its name there is never half of it.

    Args:
        path: The file; its folder exists.
        shape: N, D.
        parts: Its rows in order, (n, D) float32 at a time.

    Raises:
        ValueError: The parts do not make up the shape.
    """
    unfinished = path.with_name(path.name + ".part")
    num_rows = 0
    with unfinished.open("wb") as file:
        file.write(_HEADER.pack(*shape, shape[1] * _ITEM, _FLOAT32))
        for part in parts:
            if part.shape[1:] != shape[1:]:
                raise ValueError(f"a part is {part.shape}: pass rows of length {shape[1]}")
            num_rows += len(part)
            file.write(part.astype("<f4").tobytes())
    if num_rows != shape[0]:
        raise ValueError(f"parts have {num_rows} rows in all: pass {shape[0]}, or another shape")
    unfinished.replace(path)


def map_matrix(path: Path) -> NDArray[np.float32]:
    """A matrix, (N, D) float32, read from the disk where it is looked at.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: It is no such file, or one that was cut short.
    """
    if not path.is_file():
        raise DataNotFoundError(f"{path} is no file: point to one file with the features of all images")
    with path.open("rb") as file:
        shape = _shape(path, file.read(_HEADER.size), path.stat().st_size)
    # mode c: tensors are made of parts of it, and torch wants those writable; the file stays as it is
    return np.memmap(path, "<f4", mode="c", offset=_HEADER.size, shape=shape)


def _shape(path: Path, header: bytes, size: int) -> tuple[int, int]:
    if len(header) < _HEADER.size:
        raise DataError(f"{path} has {size} bytes, fewer than its header of {_HEADER.size}: write it again")
    rows, columns, stride, code = _HEADER.unpack(header)
    if rows < 1 or columns < 1 or stride != columns * _ITEM or code != _FLOAT32:
        raise DataError(
            f"{path} begins with rows={rows}, columns={columns}, stride={stride}, type={code}: expected at least one "
            f"of each, a stride of 4 bytes a column and type 5 (32-bit floats), little endian"
        )
    expected = _HEADER.size + rows * columns * _ITEM
    if size != expected:
        raise DataError(
            f"{path} has {size} bytes, {rows} x {columns} floats and the header need {expected}: it was cut short, or "
            "is no file of features"
        )
    return rows, columns
