"""Size in pixels that the header of an encoded image states.

Sources: ITU-T T.81, annex B (JPEG); W3C PNG, section 11.2.1; Microsoft's BITMAPINFOHEADER; RFC 9649 (WebP); GIF89a.
"""

import struct

_MOST_SCANS = 500  # encoders make about ten; each takes a pass over all pixels, and no more than 15 bytes
_JPEG = b"\xff\xd8"
_PNG = b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # markers that a frame begins with
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_PER_BYTE = 4096  # no JPEG of one colour has a quarter of these pixels a byte: half a bit of code a block at the least
_ENDS = frozenset({0xD9, 0xDA})  # end of the image, start of the pixels


def stated_size(encoded: bytes) -> tuple[int, int] | None:
    """(height, width) in pixels by the header; None where it is no JPEG, PNG, BMP, WebP or GIF, or its header is cut.

    A file of a few bytes can state billions of pixels, for which a decoder takes memory before it sees that they are
    not there.
    """
    try:
        if encoded.startswith(_JPEG):
            return _jpeg(encoded)
        if encoded.startswith(_PNG):
            width, height = struct.unpack_from(">II", encoded, 16)
        elif encoded.startswith(b"BM"):
            width, height = _bmp(encoded)
        elif encoded.startswith(b"RIFF") and encoded[8:12] == b"WEBP":
            width, height = _webp(encoded)
        elif encoded.startswith(b"GIF8"):
            width, height = struct.unpack_from("<HH", encoded, 6)
        else:
            return None
    except (struct.error, IndexError):
        return None
    return height, width


def why_not_decode(encoded: bytes, most_pixels: int) -> str | None:
    """Why decoding would only take memory and time, in words for a message; None where the header speaks for it.

    Args:
        encoded: Bytes of an image file.
        most_pixels: Pixels that an image may have.
    """
    size = stated_size(encoded)
    if size is None:
        return "it is no intact JPEG, PNG, BMP, WebP or GIF"
    height, width = size
    if height * width > most_pixels:
        return f"it states {width} x {height} pixels, more than {most_pixels:,} in all"
    if encoded.startswith(_PNG) and not _has_all_chunks(encoded):
        return "it is a PNG that was cut short"
    if encoded.startswith(_JPEG):
        if height * width > _PER_BYTE * len(encoded):
            return f"it states {width} x {height} pixels, for which these bytes are too few"
        if (num_scans := encoded.count(b"\xff\xda")) > _MOST_SCANS:
            return f"it is a JPEG with {num_scans} scans"
    return None


def _has_all_chunks(png: bytes) -> bool:
    """Whether each chunk ends within the file, with pixels among them.

    OpenCV takes memory for the length that is stated, up to 2 GB, and looks for pixels beyond the end of the image.
    """
    place, has_pixels = len(_PNG), False
    while place + 8 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        place += 12 + length  # with its length, its name, its checksum
        has_pixels |= kind == b"IDAT"
        if kind == b"IEND":
            break
    return has_pixels and place <= len(png)


def _jpeg(encoded: bytes) -> tuple[int, int] | None:
    """Size in the first frame; what stands between markers is passed over, as libjpeg does."""
    place = 2
    while (place := encoded.find(b"\xff", place)) >= 0:
        marker = encoded[place + 1]
        if marker in (0x00, 0xFF) or marker in _ALONE:
            place += 1 if marker == 0xFF else 2
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", encoded, place + 5)
            return height, width
        elif marker in _ENDS:
            return None
        else:
            place += 2 + max(2, struct.unpack_from(">H", encoded, place + 2)[0])
    return None


def _bmp(encoded: bytes) -> tuple[int, int]:
    (header_size,) = struct.unpack_from("<I", encoded, 14)
    width, height = struct.unpack_from("<HH" if header_size == 12 else "<ii", encoded, 18)
    return abs(width), abs(height)  # rows from top to bottom have a negative height


def _webp(encoded: bytes) -> tuple[int, int]:
    kind = encoded[12:16]
    if kind == b"VP8 ":  # lossy: 14 bits each, after the frame's tag and start code
        width, height = struct.unpack_from("<HH", encoded, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":  # lossless: 14 bits each, less one
        (bits,) = struct.unpack_from("<I", encoded, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", encoded, 24)  # extended
    return (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1
