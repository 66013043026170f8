"""Feature files of photos: where they lie, what is in them, what is refused."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from marginface.benchmark.megaface_features import read_photo_features, write_photo_features
from marginface.data.benchmark_files.feature_file import write_feature
from marginface.data.errors import DataError, DataNotFoundError
from marginface.embedding import Embeddings

NAMES = ["facescrub/A/A_1.png", "megaface/1/p@N00/2_0.jpg"]


def embeddings() -> Embeddings:
    rows = torch.tensor([[[3.0, 0.0], [0.0, 4.0]], [[0.0, 2.0], [0.0, 2.0]]])
    return Embeddings(rows.numpy(), "sum")


def test_merged_unit_rows_lie_where_the_photos_do(tmp_path: Path) -> None:
    write_photo_features(embeddings(), tmp_path / "new", NAMES, "algo")
    first = (tmp_path / "new/facescrub/A/A_1.png_algo.bin").read_bytes()
    assert struct.unpack("<4i", first[:16]) == (2, 1, 4, 5)
    np.testing.assert_allclose(struct.unpack("<2f", first[16:]), [0.6, 0.8], rtol=1e-6)
    assert (tmp_path / "new/megaface/1/p@N00/2_0.jpg_algo.bin").is_file()
    read = read_photo_features(tmp_path / "new", NAMES, "algo")
    assert read.rows.shape == (2, 1, 2)
    torch.testing.assert_close(read.unit()[0:2], embeddings().unit()[0:2])
    assert read.flip == "none"


def test_missing_files_are_counted(tmp_path: Path) -> None:
    write_photo_features(embeddings(), tmp_path, NAMES, "algo")
    (tmp_path / "megaface/1/p@N00/2_0.jpg_algo.bin").unlink()
    with pytest.raises(DataNotFoundError, match=r"1 of 2 feature files are missing, the first is .*2_0\.jpg_algo\.bin"):
        read_photo_features(tmp_path, NAMES, "algo")
    with pytest.raises(DataNotFoundError, match=r"2 of 2 .*holds facescrub, megaface: .*algorithm=other"):
        read_photo_features(tmp_path, NAMES, "other")


def test_damaged_files_and_other_dimensions(tmp_path: Path) -> None:
    write_photo_features(embeddings(), tmp_path, NAMES, "algo")
    other = tmp_path / "megaface/1/p@N00/2_0.jpg_algo.bin"
    write_feature(other, np.ones(3, np.float32))
    with pytest.raises(DataError, match=r"2_0\.jpg_algo\.bin has 3 numbers, .*A_1\.png_algo\.bin has 2"):
        read_photo_features(tmp_path, NAMES, "algo")
    other.write_bytes(other.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"2_0\.jpg_algo\.bin has 27 bytes"):
        read_photo_features(tmp_path, NAMES, "algo")


def test_as_many_embeddings_as_photos(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 embeddings for 1 photos"):
        write_photo_features(embeddings(), tmp_path, NAMES[:1], "algo")
