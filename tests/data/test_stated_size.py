"""The header's size is the decoder's, and is known without decoding."""

import struct

import cv2
import numpy as np
import pytest

from marginface.data.stated_size import stated_size, why_not_decode

IMAGE = np.random.default_rng(0).integers(0, 256, (23, 37, 3), np.uint8)


def encoded(suffix: str, *options: int) -> bytes:
    return cv2.imencode(suffix, IMAGE, options)[1].tobytes()


FILES = {
    "jpeg": encoded(".jpg"),
    "progressive": encoded(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "png": encoded(".png"),
    "bmp": encoded(".bmp"),
    "webp": encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, 80),
    "lossless webp": encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, 101),
}


@pytest.mark.parametrize("kind", FILES)
def test_the_size_is_the_one_that_was_encoded(kind: str) -> None:
    assert stated_size(FILES[kind]) == (23, 37)


@pytest.mark.parametrize("kind", FILES)
def test_a_header_that_is_cut_states_none(kind: str) -> None:
    content = FILES[kind]
    found = [stated_size(content[:end]) for end in range(len(content))]
    assert set(found) == {None, (23, 37)}
    assert found == sorted(found, key=lambda size: size is not None)  # none, then the size to the end


def test_what_stands_before_the_frame_is_passed_over() -> None:
    jpeg = FILES["jpeg"]
    comment = b"\xff\xfe\x00\x06\xff\xc0\xff\xff"  # holds what looks like a frame
    assert stated_size(jpeg[:2] + comment + b"garbage\xff\xff" + jpeg[2:]) == (23, 37)


def test_other_layouts_of_a_header() -> None:
    assert stated_size(b"BM" + bytes(12) + struct.pack("<IHH", 12, 37, 23)) == (23, 37)  # the one of OS/2
    assert stated_size(b"BM" + bytes(12) + struct.pack("<Iii", 40, 37, -23)) == (23, 37)
    assert stated_size(b"GIF89a" + struct.pack("<HH", 37, 23)) == (23, 37)
    extended = b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<IIHBHB", 10, 0, 65_535, 1, 59_999, 0)
    assert stated_size(extended) == (60_000, 131_072)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda\0\0", b"text"])
def test_other_files_state_none(content: bytes) -> None:
    assert stated_size(content) is None


def resized(jpeg: bytes, height: int, width: int) -> bytes:
    place = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:place] + struct.pack(">HH", height, width) + jpeg[place + 4 :]


def test_an_image_is_refused_for_what_its_header_states() -> None:
    assert why_not_decode(FILES["jpeg"], 23 * 37) is None
    assert why_not_decode(FILES["png"], 23 * 37 - 1) == "it states 37 x 23 pixels, more than 850 in all"
    assert why_not_decode(b"text", 10) == "it is no intact JPEG, PNG, BMP, WebP or GIF"
    few = resized(FILES["jpeg"], 20_000, 20_000)
    assert why_not_decode(few, 2**30) == "it states 20000 x 20000 pixels, for which these bytes are too few"


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_OPTIMIZE, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_no_jpeg_of_one_colour_is_taken_for_cut(options: tuple[int, ...], channels: int) -> None:
    flat = np.full((2000, 2000, channels), 128, np.uint8)
    jpeg = cv2.imencode(".jpg", flat, (cv2.IMWRITE_JPEG_QUALITY, 1, *options))[1].tobytes()
    assert len(jpeg) > 4 * flat.shape[0] * flat.shape[1] / 4096  # a quarter of the bound at most
    assert why_not_decode(jpeg, 2**27) is None


def test_a_png_with_a_chunk_beyond_its_end_is_cut_short() -> None:
    png = FILES["png"]
    huge = png[:33] + struct.pack(">I", 2**31 - 1) + png[37:]  # for which OpenCV would take 2 GB
    no_pixels = png[:33] + png[-12:] + struct.pack(">I4s", 2**31 - 1, b"IDAT") + png  # the end comes first
    for content in (huge, no_pixels, png[:-1], png[:60]):
        assert why_not_decode(content, 10_000) == "it is a PNG that was cut short"
    assert why_not_decode(png + b"more", 10_000) is None


def test_a_jpeg_of_a_thousand_scans_is_refused() -> None:
    progressive = FILES["progressive"]
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    many = progressive[:-2] + 1000 * scan + progressive[-2:]
    assert str(why_not_decode(many, 10_000)).startswith("it is a JPEG with 10")
    assert why_not_decode(progressive[:-2] + 100 * scan + progressive[-2:], 10_000) is None
