"""Damage that knows the format of a file: words of its lines, nodes of its JSON, fields of its headers.

Checksums and lengths that a format demands are made to fit again, so that the damage gets past them.
"""

import json
import pickletools
import random
import re
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

Mutate = Callable[[random.Random, bytes], bytes]

WORDS = [
    *(b"", b"-1", b"0", b"1", b"2", b"-0", b"+1", b"1.5", b"1e400", b"-inf", b"nan", b"1_0", b"0x1", b"0" * 30 + b"1"),
    *(b"9" * 20, b"-" + b"9" * 20, b"9" * 5000, b"0." + b"1" * 5000, b"9223372036854775807", b"2147483648"),
    *(
        "١".encode(),
        "²".encode(),
        "é".encode(),
        b"\xc3",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\0",
        b"a\0b",
        b"#",
        b'"',
        b"'",
    ),
    *(b"x" * 300, b"x/" * 3000, b"../x", b"/etc/passwd", b".", b"..", b"~", b"\\", b"a b", b"\xe2\x80\xa8", b"\x1c"),
]
RAW = [
    *(b"null", b"true", b"false", b"0", b"-1", b"1.5", b"1e400", b"-1e400", b"NaN", b"Infinity", b"1" + b"0" * 400),
    *(
        b"9" * 5000,
        b"9223372036854775808",
        b"[]",
        b"{}",
        b'""',
        b'"\\u0000"',
        b'"\\ud800"',
        b'"\\ud83d\\ude00"',
        b"[[]]",
    ),
    *(
        b"[" * 800 + b"]" * 800,
        b"[" * 990 + b"]" * 990,
        b"[" * 20_000 + b"]" * 20_000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
    ),
    *(b"[[1, 2], [3]]", b'"' + b"x" * 5000 + b'"', b'"../x"', b'{"a": 1, "a": 2}', b'["x", null, {}]', b"[1, 2"),
]
INTEGERS = (0, 1, 2, 3, 5, 127, 128, 255, 2**15, 2**16 - 1, 2**24 + 1, 2**29 - 1, 2**29, 2**31 - 1, 2**31, 2**32 - 1)
FLOATS = (float("nan"), float("inf"), -float("inf"), -1.0, 0.5, 2.0**24 + 2, 2.0**31, 2.0**62, 2.0**63, 1e38, -1e38)


def lines_mutant(rng: random.Random, content: bytes) -> bytes:
    """Other words, separators, line ends; lines repeated, moved, taken out; another encoding."""
    lines = content.splitlines()
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = rng.randrange(len(lines)) if lines else 0
        kind = rng.choice(("word", "word", "word", "repeat", "remove", "insert", "swap", "many"))
        if kind == "word" and lines:
            lines[place] = _other_word(rng, lines[place])
        elif kind in ("repeat", "many") and lines:
            lines[place:place] = [lines[place]] * (1 if kind == "repeat" else 50)
        elif kind == "remove":
            del lines[place : place + rng.choice((1, 2, 10))]
        elif kind == "insert":
            lines.insert(place, rng.choice((b"", b" ", b"\t", b"# x", *WORDS)))
        elif lines:
            other = rng.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
    if rng.random() < 0.003:  # what takes the square of a line's length
        lines.append(rng.choice((b"x", b"_", b"(", b"1", b",", b"\t", b'"', b" x")) * 100_000)
    whole = rng.choice((b"\n", b"\n", b"\n", b"\r\n", b"\r", b"\n\n")).join(lines) + rng.choice((b"", b"\n", b"\0"))
    return rng.choice((*[_same] * 9, _byte_order_mark, _utf16))(whole)


def _other_word(rng: random.Random, line: bytes) -> bytes:
    parts = re.split(rb"([\s,]+)", line)
    place = rng.randrange(len(parts))
    if place % 2:
        parts[place] = rng.choice((b" ", b"\t", b",", b"  ", b"\t\t", b",,", b"", b";", b"\x0b", b"\xc2\xa0"))
    else:
        word = parts[place]
        parts[place] = rng.choice((rng.choice(WORDS), rng.choice(WORDS), word + rng.choice(WORDS), word * 2))
    return b"".join(parts)


def _same(content: bytes) -> bytes:
    return content


def _byte_order_mark(content: bytes) -> bytes:
    return b"\xef\xbb\xbf" + content


def _utf16(content: bytes) -> bytes:
    return content.decode("latin1").encode("utf-16")


def json_mutant(rng: random.Random, content: bytes) -> bytes:
    """Nodes of any depth replaced, repeated, removed, named otherwise; what JSON has no value for comes in as text."""
    tree = {"": json.loads(content)}
    mark = "@{}@"
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(tree))
        holder, key = rng.choice(places)
        number = rng.randrange(len(RAW))
        kind = rng.choice(("raw", "raw", "raw", "move", "remove", "rename"))
        if kind == "raw":
            holder[key] = mark.format(number)
        elif kind == "move":
            source, from_key = rng.choice(places)
            holder[key] = json.loads(json.dumps(source[from_key]))
        elif holder is tree:
            continue
        elif kind == "remove":
            del holder[key]
        elif isinstance(holder, dict):
            holder[rng.choice(("", "x", "\0", "é", "format", "../x", "x" * 3000))] = holder.pop(key)
    text = json.dumps(tree[""]).encode()
    return re.sub(rb'"@(\d+)@"', lambda found: RAW[int(found[1])], text)


def _places(node: Any) -> Any:
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)


def fields_mutant(*fields: tuple[int, str]) -> Mutate:
    """Other values in fields of a header.

    Args:
        fields: Position and :mod:`struct` format of each, of one number; a negative position counts from the end.
    """

    def mutate(rng: random.Random, content: bytes) -> bytes:
        changed = bytearray(content)
        for place, form in rng.sample(fields, rng.randint(1, len(fields))):
            _put(rng, changed, place % max(len(content), 1), form)
        return bytes(changed) + rng.choice((b"", b"", b"", b"\0", content))

    return mutate


def _put(rng: random.Random, changed: bytearray, place: int, form: str) -> None:
    """Put a number at a place: a limit, a size of the file, one beside what is there."""
    if place + struct.calcsize(form) > len(changed):
        return
    (old,) = struct.unpack_from(form, changed, place)
    if form[-1] in "fd":
        struct.pack_into(form, changed, place, rng.choice((*FLOATS, old + 1, old - 1)))
        return
    size = len(changed)
    value = rng.choice((*INTEGERS, -1, size, size - 1, size + 4, size // 4, old + 1, old - 1, old + 4, place, 2**62))
    bits = 8 * struct.calcsize(form)
    value %= 1 << bits
    struct.pack_into(form, changed, place, value - (value >> (bits - 1) << bits) if form[-1].islower() else value)


def words_mutant(rng: random.Random, content: bytes) -> bytes:
    """Other values in aligned 32-bit words, integers or floats, which RecordIO and the headers in it consist of."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if len(content) < 8:
            break
        place = 4 * rng.randrange(len(content) // 4)
        kind = rng.choice(("number", "float", "part", "copy"))
        if kind == "part":  # the three bits of a record's length that say whether it goes on
            (old,) = struct.unpack_from("<I", changed, place)
            struct.pack_into("<I", changed, place, old & (2**29 - 1) | rng.randrange(8) << 29)
        elif kind == "copy":
            source = 4 * rng.randrange(len(content) // 4)
            changed[place : place + 4] = content[source : source + 4]
        else:
            _put(rng, changed, place, "<I" if kind == "number" else "<f")
    return bytes(changed)


def pickle_mutant(rng: random.Random, content: bytes) -> bytes:
    """Instructions repeated, moved, taken out, replaced; lengths and numbers of the memo changed."""
    places = [place for _, _, place in pickletools.genops(content)] + [len(content)]
    parts = [content[a:b] for a, b in pairwise(places)]
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = rng.randrange(len(parts))
        kind = rng.choice(("repeat", "many", "remove", "swap", "put", "put", "length", "length"))
        if kind in ("repeat", "many"):
            parts[place:place] = [parts[place]] * (1 if kind == "repeat" else 200)
        elif kind == "remove":
            del parts[place : place + 1]
        elif kind == "swap":
            other = rng.randrange(len(parts))
            parts[place], parts[other] = parts[other], parts[place]
        elif kind == "put":
            parts.insert(place, rng.choice(HOSTILE))
        elif len(parts[place]) > 1:
            part = bytearray(parts[place])
            _put(rng, part, 1, rng.choice(("<B", "<i", "<I", "<Q")))
            parts[place] = bytes(part)
        if not parts:
            break
    return b"".join(parts)


HOSTILE = [
    *(bytes([code]) for code in range(256) if bytes([code]).decode("latin1") in pickletools.code2op),
    *(b"cos\nsystem\n(S'true'\ntR", b"cposix\nsystem\n", b"c__builtin__\neval\n", b"cbuiltins\ngetattr\n", b"c\n\n"),
    *(b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"c_codecs\nencode\n"),
    *(b"\x8c\x05numpy\x8c\x07ndarray\x93", b"I" + b"9" * 5000 + b"\n", b"L" + b"9" * 5000 + b"L\n", b"F1e400\n"),
    *(code + b"\xff\xff\xff" + end for code in (b"B", b"X", b"T", b"\x8b", b"r", b"j") for end in (b"\x7f", b"\xff")),
    *(code + struct.pack("<Q", n) for code in (b"\x95", b"\x8e", b"\x96", b"\x8d") for n in (0, 1, 2**31, 2**63)),
    *(b"q\x00h\x002h\x002", b"(lp0\ng0\na", b"]" * 500, b"(" * 500, b"h\x00h\x00\x86" * 60, b"\x85" * 2000),
]  # fmt: skip


def tar_mutant(rng: random.Random, content: bytes) -> bytes:
    """Fields of headers changed, with the checksum that belongs to them."""
    changed = bytearray(content)
    blocks = [at for at in range(0, len(content) - 511, 512) if content[at + 257 : at + 262] == b"ustar"]
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.choice(blocks)
        kind, begin, end = rng.choice(TAR_FIELDS)
        if kind == "type":
            value = bytes([rng.choice(b"0125xgLKSVM7\0\xff")])
        elif kind == "octal":
            sizes = (0, 1, 511, 512, 513, at, len(content), 2**33 - 1)
            value = rng.choice((*TAR_NUMBERS, b"%011o\0" % rng.choice(sizes)))
        else:
            value = rng.choice((*WORDS, b"a/1.cls", b"a/1.jpg", b"1.jpg", b".cls", b"a/1.tar.jpg"))
        changed[at + begin : at + end] = value[: end - begin].ljust(end - begin, b"\0")
        changed[at + 148 : at + 156] = b" " * 8
        changed[at + 148 : at + 156] = b"%06o\0 " % sum(changed[at : at + 512])
    return bytes(changed)


TAR_SIZE = ("octal", 124, 136)
TAR_FIELDS = [("text", 0, 100), TAR_SIZE, TAR_SIZE, ("type", 156, 157), ("text", 157, 257), ("text", 345, 500)]
TAR_NUMBERS = [
    *(b"\0" * 12, b"-0000000001\0", b"9" * 12, b" " * 12),
    *(b"\x80" + b"\xff" * 11, b"\xff" * 12, b"\xff" * 11 + b"\0"),
]
