import struct

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


# ---- the two decoders

NOISE = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (37, 53, 3), dtype=np.uint8), (3, 3), 0)


def jpeg(image: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(".jpg", image, options)[1].tobytes()


def turned(encoded: bytes) -> bytes:
    """The same JPEG with an EXIF segment that asks for a rotation by 90 degrees."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0" + b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    return encoded[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + encoded[2:]


JPEGS = {
    "4:2:0": jpeg(NOISE, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
    "4:2:2": jpeg(NOISE, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422),
    "4:4:4": jpeg(NOISE, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
    "progressive": jpeg(NOISE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restart markers": jpeg(NOISE, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    "poor": jpeg(NOISE, cv2.IMWRITE_JPEG_QUALITY, 20),
    "grey": jpeg(NOISE[..., 0]),
    "exif": turned(jpeg(NOISE)),
    "bytes after the end": jpeg(NOISE) + b"more",
    "flaw inside": jpeg(NOISE)[:900] + b"\xff\xd0" + jpeg(NOISE)[902:],
}


@pytest.mark.parametrize("kind", JPEGS)
def test_jpegs_have_the_pixels_of_opencv(kind: str) -> None:
    encoded = JPEGS[kind]
    expected = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert expected.shape[:2] == ((53, 37) if kind == "exif" else (37, 53))
    assert np.array_equal(decode(encoded, "here"), expected)
    out = np.full_like(expected, 7)
    image = decode(encoded, "here", out)
    assert np.array_equal(image, expected)
    assert image is out or not np.shares_memory(image, out)


def test_simplejpeg_decodes_into_the_array_that_is_given() -> None:
    out = np.empty((37, 53, 3), dtype=np.uint8)
    assert decode(JPEGS["4:2:0"], "here", out) is out


@pytest.mark.parametrize("size", [(30, 53), (60, 60)])
def test_an_array_of_another_size_is_not_used(size: tuple[int, int]) -> None:
    out = np.empty((*size, 3), dtype=np.uint8)
    image = decode(JPEGS["4:2:0"], "here", out)
    assert np.array_equal(image, decode(JPEGS["4:2:0"], "here"))
    assert not np.shares_memory(image, out)


def test_the_place_of_an_image_is_asked_for_only_when_there_is_an_error() -> None:
    decode(JPEGS["grey"], lambda: pytest.fail("asked"))
    with pytest.raises(ImageDecodeError, match="there, key 3: "):
        decode(b"", lambda: "there, key 3")


def stating(jpeg: bytes, height: int, width: int) -> bytes:
    place = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:place] + struct.pack(">HH", height, width) + jpeg[place + 4 :]


@pytest.mark.parametrize("out", [None, np.empty((16, 24, 3), dtype=np.uint8)], ids=["new", "in place"])
@pytest.mark.parametrize(("height", "width"), [(20_000, 20_000), (1000, 2000)])
def test_a_size_that_the_bytes_cannot_hold_is_refused_before_decoding(
    height: int, width: int, out: np.ndarray | None
) -> None:
    with pytest.raises(ImageDecodeError, match=f"it states {width} x {height} pixels"):
        decode(stating(encode(RED, quality=5)[:400] + b"\xff\xd9", height, width), "here", out)


def test_an_image_far_larger_than_its_place_is_refused() -> None:
    photo = encode(np.zeros((400, 400, 3), dtype=np.uint8))
    assert decode(photo, "here").shape == (400, 400, 3)
    assert decode(photo, "here", np.empty((112, 112, 3), dtype=np.uint8)).shape == (400, 400, 3)
    with pytest.raises(ImageDecodeError, match="400 x 400 pixels, more than 36,864 in all"):
        decode(photo, "here", np.empty((12, 12, 3), dtype=np.uint8))
