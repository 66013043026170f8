import cv2
import numpy as np
import pytest

from marginface.data.decode import decode, encode
from marginface.data.errors import ImageDecodeError

RED = np.zeros((16, 24, 3), dtype=np.uint8)
RED[:, :, 0] = 250


def test_a_jpeg_comes_back_in_rgb_order() -> None:
    image = decode(encode(RED, quality=100), "here")
    assert image.shape == (16, 24, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - RED).max() <= 3


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_lossless_files_come_back_exactly(suffix: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    encoded = cv2.imencode(suffix, image[:, :, ::-1].copy())[1].tobytes()
    assert np.array_equal(decode(encoded, "here"), image)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_grey_files_give_three_equal_channels(suffix: str) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = decode(cv2.imencode(suffix, grey)[1].tobytes(), "here")
    assert image.shape == (16, 16, 3)
    assert np.array_equal(image[..., 0], image[..., 1])
    assert np.array_equal(image[..., 0], image[..., 2])


def test_quality_is_that_of_the_jpeg() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert len(encode(image, 30)) < len(encode(image)) < len(encode(image, 100))


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [(b"", "it is empty"), (b"no image at all", "no intact JPEG"), (encode(RED)[:-20], "cut short")],
    ids=["empty", "text", "cut jpeg"],
)
def test_what_cannot_be_decoded_is_named(encoded: bytes, reason: str) -> None:
    with pytest.raises(ImageDecodeError, match=rf"train\.rec, key 7: .*{len(encoded)} bytes.*{reason}"):
        decode(encoded, "train.rec, key 7")


def test_a_cut_png_is_refused() -> None:
    encoded = cv2.imencode(".png", np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))[1].tobytes()
    with pytest.raises(ImageDecodeError):
        decode(encoded[: len(encoded) // 2], "here")


@pytest.mark.parametrize("image", [RED.astype(np.float32), RED[:, :, 0], RED[:, :, :2]])
def test_encode_takes_uint8_rgb_only(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"pass uint8 of shape \(H, W, 3\)"):
        encode(image)
