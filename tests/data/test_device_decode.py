"""Batches that are decoded after the workers are those that the workers would decode."""

from pathlib import Path

import albumentations as A
import cv2
import numpy as np
import pytest
import torch

from marginface import FaceDataModule
from marginface.data import FaceDataset, FaceRecords, ImageDecodeError, encode, write_face_records
from marginface.data.device_decode import DeviceDecoder, EncodedFaces
from marginface.data.sampler.base import BatchRequest

CPU = torch.device("cpu")
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def batches(root: Path, transform=None, device: torch.device = CPU, on_error: str = "fail"):
    """The same batch by both ways."""
    faces = FaceRecords(root)
    index = np.arange(len(faces))
    request = BatchRequest(index[::-1].copy(), 5)
    usual = FaceDataset(faces, index, faces.labels, faces.image_size, transform, on_error)[request]
    encoded = EncodedFaces(faces, index, faces.labels, faces.image_size, transform, on_error)[request]
    return usual, DeviceDecoder(faces, on_error)(encoded, device)


@pytest.mark.parametrize("transform", [None, A.Compose([A.HorizontalFlip(p=0.5)])])
def test_it_is_the_batch_of_the_workers(tiny_records: Path, transform) -> None:
    usual, ours = batches(tiny_records, transform)
    assert usual.keys() == ours.keys()
    for name, value in usual.items():
        assert torch.equal(value, ours[name]), name
        assert value.dtype == ours[name].dtype


@pytest.mark.gpu
@on_gpu
def test_on_a_gpu_it_is_nearly_that_batch(tmp_path: Path) -> None:
    column, row = np.meshgrid(np.arange(112), np.arange(112))
    smooth = [np.stack([column + i, row, 200 - column], 2).astype(np.uint8) for i in range(16)]
    grey = cv2.imencode(".jpg", smooth[0][:, :, 0])[1].tobytes()
    write_face_records(tmp_path, [(0, image) for image in (*map(encode, smooth), grey)])
    usual, ours = batches(tmp_path, A.Compose([A.HorizontalFlip(p=0.5)]), torch.device("cuda"))
    assert torch.equal(usual["label"], ours["label"].cpu())
    assert float((usual["image"].float() - ours["image"].cpu().float()).abs().mean()) < 1.5


def write(root: Path, image: bytes) -> Path:
    """A pack of one good image and this one."""
    write_face_records(root, [(0, encode(np.full((112, 112, 3), 99, np.uint8))), (1, image)])
    return root


def test_what_the_device_cannot_decode_is_named(tmp_path: Path) -> None:
    good = encode(np.full((112, 112, 3), 80, np.uint8))
    png = cv2.imencode(".png", np.zeros((112, 112, 3), np.uint8))[1].tobytes()
    turned = good[:2] + b"\xff\xe1\x00\x10Exif\0\0MM\0*\0\0\0\0" + good[2:]
    for name, image, message in (
        ("png", png, "key 2: is no JPEG"),
        ("turned", turned, "key 2: is no JPEG, or has EXIF"),
        ("cut", good[:-9], "key 2: cannot decode.*cut short"),
        ("broken", b"\xff\xd8" + bytes(50) + b"\xff\xd9", "key 2: cannot decode the image on cpu"),
    ):
        with pytest.raises(ImageDecodeError, match=message):
            encoded_batch(write(tmp_path / name, image))


def encoded_batch(root: Path, on_error: str = "fail"):
    faces = FaceRecords(root)
    dataset = EncodedFaces(faces, np.arange(2), faces.labels, (112, 112), None, on_error)
    return DeviceDecoder(faces, on_error)(dataset[BatchRequest(np.arange(2), 0)], CPU)


@pytest.mark.parametrize(
    "image", [encode(np.zeros((112, 112, 3), np.uint8))[:-9], b"\xff\xd8" + bytes(50) + b"\xff\xd9"]
)
def test_skipped_ones_are_counted(tmp_path: Path, image: bytes) -> None:
    batch = encoded_batch(write(tmp_path, image), "skip")
    assert batch["image"].shape == (1, 3, 112, 112)
    assert batch["label"].tolist() == [0]
    assert int(batch["skipped"]) == 1


def test_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"key 2 has size \(100, 112\)"):
        encoded_batch(write(tmp_path, encode(np.zeros((100, 112, 3), np.uint8))))


def test_a_transform_beyond_the_flip_is_refused(tiny_records: Path) -> None:
    chain = A.Compose([A.HorizontalFlip(), A.RandomBrightnessContrast()])
    data = FaceDataModule(tiny_records, transform=chain, batch_size=8, decode_on_device=True)
    with pytest.raises(ValueError, match=r"decode_on_device=true.*augment=flip"):
        data.setup("fit")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_data_module_hands_it_over(tiny_records: Path, num_workers: int) -> None:
    options = {"transform": A.Compose([A.HorizontalFlip(p=0.5)]), "batch_size": 8, "num_workers": num_workers}
    usual, ours = (FaceDataModule(tiny_records, **options, decode_on_device=device) for device in (False, True))
    ours.setup("fit")
    pairs = zip(usual.train_dataloader(), ours.train_dataloader(), strict=True)
    for first, second in pairs:
        decoded = ours.transfer_batch_to_device(second, CPU, 0)
        assert all(torch.equal(first[name], decoded[name]) for name in ("image", "label", "skipped"))
