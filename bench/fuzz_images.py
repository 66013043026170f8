"""Decoding of images for `bench/fuzz.py`: intact files, how to damage them, what must hold."""

import random
import struct
import zlib
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from fuzz_mutations import fields_mutant
from fuzz_readers import NUMBERS, Reader
from marginface.data.decode import decode, encode
from marginface.data.errors import ImageDecodeError
from marginface.data.stated_size import stated_size, why_not_decode

cv2.utils.logging.setLogLevel(0)  # it tells every flaw on stderr

MOST_PIXELS = 2**22  # of a photo
SIZE = 12  # height and width in pixels of the images that are damaged
PNG_KINDS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"zTXt", b"iCCP", b"eXIf", b"acTL", b"fcTL")


def image_readers() -> dict[str, Reader]:
    """Each format, as a photo of unknown size; JPEG also into the place that a batch has for it."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)

    def files(suffix: str, *options: list[int]) -> list[bytes]:
        return [cv2.imencode(suffix, pixels, each)[1].tobytes() for each in (options or [[]])]

    jpegs = [encode(pixels, 30), *files(".jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 1])]
    bmp = fields_mutant(*((at, "<i") for at in (2, 10, 14, 18, 22, 30, 34, 46)), (26, "<h"), (28, "<h"))
    webp = fields_mutant((4, "<I"), (16, "<I"), (21, "<I"), (26, "<H"), (28, "<H"), (24, "<H"), (27, "<H"))
    free = (
        16 * 3 * MOST_PIXELS
    )  # decoders hold more than pixels: coefficients of a progressive JPEG, rows of four bytes
    return {
        "jpeg": Reader(jpegs, [b"\xff\xda", b"\xff\xc2", b"\xff\xd9", b"Exif\0\0"], _photo, free, jpeg_mutant),
        "jpeg_in_place": Reader(jpegs, [b"\xff\xda", b"\xff\xd9"], partial(_photo, in_place=True), free, jpeg_mutant),
        "png": Reader(files(".png"), [b"IHDR", b"IDAT", b"acTL"], _photo, free, png_mutant),
        "bmp": Reader(files(".bmp"), NUMBERS, _photo, free, bmp),
        "webp": Reader(
            files(".webp", [cv2.IMWRITE_WEBP_QUALITY, 50], [cv2.IMWRITE_WEBP_QUALITY, 101]), NUMBERS, _photo, free, webp
        ),
    }


def _photo(path: Path, in_place: bool = False) -> None:
    encoded = path.read_bytes()
    if (reason := why_not_decode(encoded, MOST_PIXELS)) is not None:
        raise ImageDecodeError(reason)
    image = decode(encoded, "here", np.empty((SIZE, SIZE, 3), np.uint8) if in_place else None)
    assert image.shape[:2] in (stated_size(encoded), (stated_size(encoded) or ())[::-1])  # EXIF may ask for a turn


def png_mutant(rng: random.Random, content: bytes) -> bytes:
    """Chunks changed, repeated, moved, with the checksum that belongs to them; sizes of billions of pixels."""
    chunks, place = [], 8
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += length + 12
    for _ in range(rng.choice((1, 1, 2))):
        if not chunks:
            break
        number = rng.randrange(len(chunks))
        kind, data = chunks[number]
        what = rng.choice(("size", "size", "field", "repeat", "remove", "kind", "cut"))
        if what == "size" and chunks[0][0] == b"IHDR" and len(chunks[0][1]) == 13:
            sides = rng.choices((0, 1, 12, 60_000, 65_536, 2**31 - 1, 2**31, 2**32 - 1), k=2)
            chunks[0] = b"IHDR", struct.pack(">II", *sides) + chunks[0][1][8:]
        elif what == "field" and data:
            changed = bytearray(data)
            changed[rng.randrange(len(data))] = rng.randrange(256)
            chunks[number] = kind, bytes(changed)
        elif what == "repeat":
            chunks[number:number] = [chunks[number]] * rng.choice((1, 100))
        elif what == "remove":
            del chunks[number]
        elif what == "kind":
            chunks[number] = rng.choice(PNG_KINDS), data
        else:
            chunks[number] = kind, data[: rng.randint(0, len(data))]
    body = (struct.pack(">I", len(data)) + kind + data + _crc(kind + data) for kind, data in chunks)
    return content[:8] + b"".join(body)


def _crc(content: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(content))


def jpeg_mutant(rng: random.Random, content: bytes) -> bytes:
    """Fields of segments changed: size, components, tables, scans; segments repeated and taken out."""
    segments, place = [], 2
    while place + 4 <= len(content) and content[place] == 0xFF and content[place + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", content, place + 2)
        segments.append(bytearray(content[place : place + 2 + length]))
        place += 2 + length
    rest = bytearray(content[place:])
    for _ in range(rng.choice((1, 1, 2))):
        number = rng.randrange(len(segments)) if segments else 0
        what = rng.choice(("size", "size", "byte", "repeat", "remove", "scan", "scans", "length"))
        if what == "size":
            for segment in segments:
                if segment[1] in (0xC0, 0xC1, 0xC2) and len(segment) > 9:
                    segment[5:9] = struct.pack(">HH", *rng.choices((0, 1, 12, 300, 20_000, 65_500, 65_535), k=2))
        elif what == "scan" and rest:
            rest[rng.randrange(len(rest))] = rng.choice((0xFF, 0x00, 0xD9, 0xDA, rng.randrange(256)))
        elif what == "scans":
            rest = bytearray(rest.removesuffix(b"\xff\xd9") * rng.choice((2, 50)) + b"\xff\xd9")
        elif what in ("byte", "length") and segments:
            at = rng.choice((2, 3)) if what == "length" else rng.randrange(1, len(segments[number]))
            segments[number][at] = rng.choice((0, 1, 2, 0xFF, 0xC2, rng.randrange(256)))
        elif what == "repeat" and segments:
            segments[number:number] = [segments[number][:] for _ in range(rng.choice((1, 100)))]
        elif segments:
            del segments[number]
    return content[:2] + b"".join(segments) + rest
