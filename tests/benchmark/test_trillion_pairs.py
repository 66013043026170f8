"""Trillion Pairs: lists, submissions, and bad input."""

import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marginface.benchmark.base import Benchmark, FeatureFiles
from marginface.benchmark.trillion_pairs import TrillionPairs
from marginface.data.errors import DataError, DataNotFoundError
from marginface.embedding import Embeddings

LABELS = [-1, 2, 0, -1, 2, 2, -1, 0, 5, -1]
NAMES = [f"0{number % 3}/{number}.jpg" for number in range(len(LABELS))]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "testdata_lmk.txt").write_text("".join(f"{name} 1.5 2.5\n" for name in NAMES))
    (tmp_path / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
    return tmp_path


def pairs(root: Path, **options: Any) -> TrillionPairs:
    settings: dict[str, Any] = {"labels": "labels.txt", "identification_fprs": [0.5], "fprs": [0.1]}
    return TrillionPairs(root, num_bootstrap=10, **settings | options)


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(10, 2, 4)).astype(np.float32)


def write_images(root: Path, names: list[str]) -> None:
    for name in names:
        (root / "testdata" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "testdata" / name).write_bytes(name.encode())


def test_images_are_in_the_order_of_the_file_list(root: Path) -> None:
    write_images(root, NAMES)
    benchmark = pickle.loads(pickle.dumps(pairs(root)))
    assert isinstance(benchmark, Benchmark)
    assert isinstance(benchmark, FeatureFiles)
    assert [image.decode() for image in benchmark.images] == NAMES


def test_a_submission_travels(root: Path, rows: np.ndarray) -> None:
    benchmark, path = pairs(root), root / "out/submission.bin"
    embeddings = Embeddings(rows, "concat")
    benchmark.write_features(embeddings, str(path))
    content = path.read_bytes()
    assert struct.unpack("<4i", content[:16]) == (10, 8, 32, 5)
    assert len(content) == 16 + 10 * 8 * 4
    expected = rows.reshape(10, 8) / np.linalg.norm(rows.reshape(10, 8), axis=1, keepdims=True)
    np.testing.assert_allclose(np.frombuffer(content[16:], "<f4").reshape(10, 8), expected, rtol=1e-5)
    read = benchmark.read_features(str(path))
    assert isinstance(read.rows, np.memmap)
    assert read.rows.shape == (10, 1, 8)
    assert benchmark.evaluate(read).figures == benchmark.evaluate(embeddings).figures


def test_damaged_submissions(root: Path, rows: np.ndarray) -> None:
    benchmark, path = pairs(root), root / "submission.bin"
    benchmark.write_features(Embeddings(rows), str(path))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match=r"172 bytes, 10 x 4 floats and the header need 176"):
        benchmark.read_features(str(path))
    path.write_bytes(struct.pack("<4i", 9, 4, 16, 5) + bytes(9 * 16))
    with pytest.raises(DataError, match=r"has 9 rows, .*testdata_lmk\.txt names 10 images"):
        benchmark.read_features(str(path))
    with pytest.raises(DataNotFoundError, match="absent is no file"):
        benchmark.read_features(str(root / "absent"))
    with pytest.raises(ValueError, match="9 embeddings for 10 images"):
        benchmark.write_features(Embeddings(rows[1:]), str(path))


def test_scoring_needs_labels_but_a_submission_does_not(root: Path, rows: np.ndarray) -> None:
    benchmark = pairs(root, labels=None)
    benchmark.check()
    with pytest.raises(DataError, match=r"needs a label list .* not public; .* set export=PATH"):
        benchmark.evaluate(Embeddings(rows))
    benchmark.write_features(Embeddings(rows), str(root / "submission.bin"))
    assert (root / "submission.bin").stat().st_size == 16 + 10 * 4 * 4


def test_missing_images_are_left_out_with_their_labels(root: Path, rows: np.ndarray) -> None:
    with pytest.raises(DataNotFoundError, match="10 of the 10 images of Trillion Pairs are missing"):
        _ = pairs(root).images
    kept = [0, 1, 2, 3, 5, 6, 7]
    write_images(root, [NAMES[number] for number in kept])
    benchmark = pairs(root, on_missing="exclude")
    benchmark.check()
    assert [image.decode() for image in benchmark.images] == [NAMES[number] for number in kept]
    outcome = benchmark.evaluate(Embeddings(rows[kept]))
    assert outcome.excluded == {"missing images": 3}
    assert set(outcome.units["tpr@fpr=1e-1"].group.tolist()) == {0, 2}
    assert len(outcome.units["tpr@fpr=1e-1"].value) == 2  # of the 4 pairs of all images
    with pytest.raises(DataError, match="3 of 10 images are missing: a submission has a row for each"):
        benchmark.write_features(Embeddings(rows[kept]), str(root / "submission.bin"))
    pairs(root).write_features(Embeddings(rows), str(root / "submission.bin"))
    read = benchmark.read_features(str(root / "submission.bin"))
    assert len(read) == 7
    assert read.rows[4, 0].tolist() == torch.nn.functional.normalize(torch.from_numpy(rows[5, 0]), dim=0).tolist()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([-1, 2, 0], "3 labels for 10 images"),
        ([0, 0, *[1] * 8], "10 probes with a pair of one identity, and 0 faces of the gallery"),
        ([-1] * 10, "0 probes without a pair"),
        ([-1, 0, 1, 2, *[-1] * 6], "3 probes without a pair"),
    ],
)
def test_labels_that_leave_nothing_to_compare(labels: list[int], message: str, root: Path) -> None:
    (root / "labels.txt").write_text("\n".join(map(str, labels)))
    with pytest.raises(DataError, match=message):
        pairs(root).check()


def test_unsuitable_embeddings(root: Path, rows: np.ndarray) -> None:
    with pytest.raises(ValueError, match="9 embeddings for 10 images"):
        pairs(root).evaluate(Embeddings(rows[1:]))
    rows[3, 0, 0] = np.inf
    with pytest.raises(ValueError, match=r"not finite, the first is that of 00/3\.jpg"):
        pairs(root).evaluate(Embeddings(rows))


def test_settings_out_of_range(root: Path) -> None:
    for name in ("identification_fprs", "fprs"):
        with pytest.raises(ValueError, match=f"{name}=.* fractions"):
            pairs(root, **{name: [0.0]})
    with pytest.raises(ValueError, match="on_missing=skip is unknown"):
        pairs(root, on_missing="skip")


def test_missing_data_say_where_they_come_from_and_what_was_found(root: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"path=.*absent: .* holds labels\.txt, .*; .*testdata/.*DeepGlint"):
        pairs(root / "absent")
    with pytest.raises(DataNotFoundError, match=r"file_list=.*other\.txt is missing: .* holds labels\.txt"):
        pairs(root, file_list="other.txt").check()
    with pytest.raises(DataNotFoundError, match=r"label list .*other\.txt is missing"):
        pairs(root, labels="other.txt").check()
    with pytest.raises(DataError, match=r"none of the 10 images is in .*testdata"):
        pairs(root, on_missing="exclude").check()
