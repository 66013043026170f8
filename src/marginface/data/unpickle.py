"""Reader of pickled pair lists that can run no code.

A pickle is a program. This reader knows only the instructions that build numbers, strings, lists and tuples, and gives
stand-ins in plain Python for the few names that real files use; numpy itself never sees what the file says.

Source: byte layout of insightface's verification `.bin`, written by `pickle.dump((bins, issame))` under Python 2 or 3.
"""

import io
import math
import pickle
import struct
import sys
from collections.abc import Callable
from typing import Any, ClassVar

_MAX_DIMS = 64  # of a numpy array
_OPCODES = b"".join(
    (
        pickle.PROTO + pickle.FRAME + pickle.STOP + pickle.MARK + pickle.NONE + pickle.NEWTRUE + pickle.NEWFALSE,
        pickle.INT + pickle.BININT + pickle.BININT1 + pickle.BININT2 + pickle.LONG + pickle.LONG1,
        pickle.STRING + pickle.BINSTRING + pickle.SHORT_BINSTRING,
        pickle.BINBYTES + pickle.SHORT_BINBYTES + pickle.BINBYTES8,
        pickle.UNICODE + pickle.BINUNICODE + pickle.SHORT_BINUNICODE + pickle.BINUNICODE8,
        pickle.EMPTY_LIST + pickle.LIST + pickle.APPEND + pickle.APPENDS,
        pickle.EMPTY_TUPLE + pickle.TUPLE + pickle.TUPLE1 + pickle.TUPLE2 + pickle.TUPLE3,
        pickle.PUT + pickle.BINPUT + pickle.LONG_BINPUT + pickle.MEMOIZE,
        pickle.GET + pickle.BINGET + pickle.LONG_BINGET,
        pickle.GLOBAL + pickle.STACK_GLOBAL + pickle.REDUCE + pickle.BUILD,
    )
)


def load_pairs_pickle(data: bytes) -> tuple[list[bytes], list[bool]]:
    """Read the two lists of a verification `.bin`.

    Args:
        data: The whole file.

    Returns:
        Encoded images (pair i is images 2i, 2i+1); whether each pair shows one person.

    Raises:
        pickle.UnpicklingError: Anything but that: another structure, names that a pair list has no use for, a cut file.
    """
    try:
        content = _PairsUnpickler(data).load()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # a damaged program can fail in any way
        raise pickle.UnpicklingError(f"no complete pickle ({type(error).__name__})") from error
    if not isinstance(content, tuple | list) or len(content) != 2:
        raise pickle.UnpicklingError(f"holds {type(content).__name__}, not a pair (images, issame)")
    images, same = (_as_list(part) for part in content)
    return [_as_bytes(image, i) for i, image in enumerate(images)], [_as_bool(flag, i) for i, flag in enumerate(same)]


class _Dtype:
    """Stand-in for numpy.dtype: uint8 or bool."""

    def __init__(self, code: str | bytes, *_: object) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else code
        if self.code not in ("u1", "b1"):
            # Anything else is not printed: tuples that share their parts print without end.
            kind = repr(self.code[:20]) if isinstance(self.code, str) else type(code).__name__
            raise pickle.UnpicklingError(f"holds an array of type {kind} where uint8 is expected")

    def __setstate__(self, state: object) -> None:
        """Byte order and the like: nothing to do for single bytes."""


class _Array:
    """Stand-in for numpy.ndarray: its bytes."""

    def __init__(self, *_: object) -> None:
        self.raw, self.dtype = b"", _Dtype("u1")

    def __setstate__(self, state: tuple[object, tuple[int, ...], _Dtype, object, bytes]) -> None:
        _, shape, dtype, _, raw = state
        if not (isinstance(raw, bytes) and isinstance(dtype, _Dtype) and _num_items(shape) == len(raw)):
            raise pickle.UnpicklingError("holds an array whose shape and bytes disagree")
        self.raw, self.dtype = raw, dtype


def _num_items(shape: object) -> int:
    """Product of a shape; -1 for no shape of numpy's, whose product could be long text or take long."""
    if not isinstance(shape, tuple) or len(shape) > _MAX_DIMS:
        return -1
    return math.prod(shape) if all(type(size) is int and 0 <= size <= sys.maxsize for size in shape) else -1


def _frombuffer(raw: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", raw))
    return array


def _scalar(dtype: _Dtype, raw: bytes) -> bool:
    if not (isinstance(dtype, _Dtype) and dtype.code == "b1" and isinstance(raw, bytes) and len(raw) == 1):
        raise pickle.UnpicklingError("holds a number where a bool is expected")
    return raw != b"\0"


def _known_names() -> dict[tuple[str, str], Callable[..., object]]:
    names: dict[tuple[str, str], Callable[..., object]] = {
        ("numpy", "dtype"): _Dtype,
        ("numpy", "ndarray"): _Array,
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = _Array
        names[f"{core}.multiarray", "scalar"] = _scalar
        names[f"{core}.numeric", "_frombuffer"] = _frombuffer
    return names


_NAMES = _known_names()


class _PairsUnpickler(pickle._Unpickler):
    """The standard library's unpickler in Python, deprived of most of its instructions.

    The one in C cannot be: it sizes its memo as the file says, and has instructions for dicts, objects and extensions.
    """

    dispatch: ClassVar[dict[int, Callable[..., None]]] = {code: pickle._Unpickler.dispatch[code] for code in _OPCODES}
    read: Callable[[int], bytes]  # both set by `load`
    append: Callable[[object], None]

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="bytes")
        self._unspent = len(data)

    def load(self) -> Any:
        try:
            return super().load()
        except KeyError as error:
            raise pickle.UnpicklingError("holds instructions that a list of pairs has no use for") from error

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        if (module, name) == ("_codecs", "encode"):
            return self._encode
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"asks for {module[:60]}.{name[:60]}, which a list of pairs has no use for")
        return _NAMES[module, name]

    def _encode(self, text: str, encoding: str) -> bytes:
        """How Python 3 writes bytes under protocol 2. No file can honestly yield more bytes than it has."""
        self._unspent -= len(text)
        if encoding not in ("latin1", b"latin1") or self._unspent < 0:
            raise pickle.UnpicklingError("encodes text as no list of pairs does")
        return text.encode("latin1")

    def _load_bytearray8(self) -> None:
        """The standard one fills as much memory as the file states before it reads; reading takes what is there."""
        (length,) = struct.unpack("<Q", self.read(8))
        self.append(self.read(length))

    dispatch[pickle.BYTEARRAY8[0]] = _load_bytearray8


def _as_list(part: object) -> list[object]:
    if isinstance(part, _Array) and part.dtype.code == "b1":
        return [byte != 0 for byte in part.raw]
    if not isinstance(part, list | tuple):
        raise pickle.UnpicklingError(f"holds {type(part).__name__.strip('_')} where a list is expected")
    return list(part)


def _as_bytes(image: object, index: int) -> bytes:
    if isinstance(image, _Array) and image.dtype.code == "u1":
        image = image.raw
    if not isinstance(image, bytes) or not image:
        kind = "empty" if image == b"" else f"{type(image).__name__.strip('_')}, not bytes"
        raise pickle.UnpicklingError(f"image {index} is {kind}")
    return image


def _as_bool(flag: object, index: int) -> bool:
    if not isinstance(flag, bool):
        raise pickle.UnpicklingError(f"issame[{index}] is {type(flag).__name__.strip('_')}, not bool")
    return flag
