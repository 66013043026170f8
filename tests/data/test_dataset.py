import pickle
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import albumentations as A
import numpy as np
import pytest
import torch

from marginface.data import (
    BatchRequest,
    FaceDataset,
    FaceRecords,
    ImageDataset,
    ImageDecodeError,
    decode,
    encode,
    write_face_records,
)
from marginface.data.sampler.sequential import BlockRequest

SIZE = (112, 112)


def face(value: int, size: tuple[int, int] = SIZE) -> bytes:
    return encode(np.full((*size, 3), value, dtype=np.uint8))


def request(*positions: int, seed: int = 0) -> BatchRequest:
    return BatchRequest(np.array(positions), seed)


@pytest.fixture
def damaged(tmp_path: Path) -> FaceRecords:
    """Identities 0 and 1 with two images each; the second image of 0 (key 2) is cut short."""
    images = [(0, face(10)), (0, face(20)[:300]), (1, face(30)), (1, face(40))]
    write_face_records(tmp_path, images)
    return FaceRecords(tmp_path)


def dataset(source: FaceRecords, **options) -> FaceDataset:
    return FaceDataset(source, np.arange(len(source)), source.labels, SIZE, **options)


def test_a_batch_is_the_requested_samples_in_their_order(tiny_records: Path) -> None:
    source = FaceRecords(tiny_records)
    chosen = np.array([90, 3, 41])
    batch = FaceDataset(source, chosen, np.array([2, 0, 1]), SIZE)[request(1, 2, 1, 0)]
    assert batch["label"].tolist() == [0, 1, 0, 2]
    assert batch["image"].is_contiguous(memory_format=torch.channels_last)
    for image, index in zip(batch["image"], (3, 41, 3, 90), strict=True):
        assert np.array_equal(image.permute(1, 2, 0).numpy(), decode(source.read(index), ""))


def test_augmentation_is_reproducible_by_the_request_alone(tiny_records: Path) -> None:
    source = FaceRecords(tiny_records)
    augmented = dataset(source, transform=A.Compose([A.HorizontalFlip(p=0.5), A.RandomBrightnessContrast(p=1.0)]))
    first = augmented[request(*range(8), seed=1)]["image"]
    other = augmented[request(*range(8), seed=2)]["image"]
    assert torch.equal(augmented[request(*range(8), seed=1)]["image"], first)
    assert torch.equal(pickle.loads(pickle.dumps(augmented))[request(*range(8), seed=1)]["image"], first)
    assert not torch.equal(first, other)
    twins = augmented[request(0, 0, 0, 0, 0, 0, 0, 0, seed=1)]["image"]
    assert len({twin.numpy().tobytes() for twin in twins}) > 2, "samples of a batch are augmented one by one"


def test_an_undecodable_image_fails_with_its_key(damaged: FaceRecords) -> None:
    with pytest.raises(ImageDecodeError, match=r"train\.rec, key 2: .*cut short"):
        dataset(damaged)[request(0, 1, 2)]


def test_or_is_skipped_and_counted(damaged: FaceRecords) -> None:
    batch = dataset(damaged, on_error="skip")[request(3, 1, 0, 1)]
    assert batch["label"].tolist() == [1, 0]
    assert batch["image"][:, 0, 0, 0].tolist() == [40, 10]
    assert int(batch["skipped"]) == 2
    assert int(dataset(damaged, on_error="skip")[request(0, 2)]["skipped"]) == 0


def test_a_batch_of_nothing_else_fails_under_either_policy(damaged: FaceRecords) -> None:
    with pytest.raises(ImageDecodeError, match="none of the 2 images"):
        dataset(damaged, on_error="skip")[request(1, 1)]


@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_an_image_of_another_size_is_no_decoding_error(tmp_path: Path, on_error: str) -> None:
    write_face_records(tmp_path, [(0, face(1)), (1, face(2, (112, 96)))])
    with pytest.raises(ValueError, match=r"key 2 has size \(112, 96\).*expected \(112, 112\)"):
        dataset(FaceRecords(tmp_path), on_error=on_error)[request(0, 1)]


def test_evaluation_images_come_with_their_index() -> None:
    images = ImageDataset([face(1), face(200)], SIZE, "lfw")
    assert len(images) == 2
    item = images[1]
    assert int(item["index"]) == 1
    assert item["image"].shape == (3, *SIZE)
    assert item["image"].dtype == torch.uint8
    assert int(item["image"].max()) == 200


def test_evaluation_errors_name_benchmark_and_image() -> None:
    images = ImageDataset([b"no image", face(1, (96, 112))], SIZE, "lfw")
    with pytest.raises(ImageDecodeError, match="image 0 of lfw"):
        images[0]
    with pytest.raises(ValueError, match=r"image 1 of lfw has size \(96, 112\)"):
        images[1]


class Announced(FaceRecords):
    """Remembers what it was told to read ahead."""

    def read_ahead(self, indices: np.ndarray) -> None:
        self.ahead = indices.tolist()


def test_what_a_request_announces_is_read_ahead(tiny_records: Path) -> None:
    source = Announced(tiny_records)
    chosen = np.arange(10, 96, 2)
    images = FaceDataset(source, chosen, source.labels[chosen], source.image_size)
    images[BlockRequest(np.array([0, 1]), 0, ((4, 8),))]
    assert source.ahead == [18, 20, 22, 24]


def test_a_set_of_any_length_is_sent_to_a_worker_in_a_few_kilobytes(tiny_records: Path) -> None:
    source = FaceRecords(tiny_records)
    many = np.arange(50_000) % len(source)
    images = FaceDataset(source, many, source.labels[many], source.image_size)
    assert len(ForkingPickler.dumps(images)) < 6000
