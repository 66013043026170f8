import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marginface.data.unpickle import load_pairs_pickle

IMAGES = [b"\xff\xd8 one\n'\"\\", b"\xff\xd8 two\x00\x80"]


class _Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", ["bytes", "array", "column", "read-only"])
@pytest.mark.parametrize("flags", ["bools", "numpy bools", "array"])
def test_every_honest_file_is_read(protocol: int, kind: str, flags: str) -> None:
    images: list[Any] = IMAGES
    if kind != "bytes":
        images = [np.frombuffer(image, dtype=np.uint8) for image in IMAGES]
        if kind != "read-only":
            images = [image.copy() for image in images]
        if kind == "column":
            images = [image[:, None] for image in images]
    same: Any = {"bools": [True], "numpy bools": [np.True_], "array": np.array([True])}[flags]
    assert load_pairs_pickle(pickle.dumps((images, same), protocol=protocol)) == (IMAGES, [True])


def test_bytearrays_are_read_as_bytes() -> None:
    data = pickle.dumps(([bytearray(image) for image in IMAGES], [True]), protocol=5)
    assert load_pairs_pickle(data) == (IMAGES, [True])


def test_files_of_python_2_are_read() -> None:
    # pickle.dumps((['\xff\xd8A', '\xff\xd8B\n'], [True]), p) of Python 2.7, p = 0 and 2
    text = b"(lp0\nS'\\xff\\xd8A'\np1\naS'\\xff\\xd8B\\n'\np2\na(lp3\nI01\na\x86."
    binary = b"\x80\x02]q\x00(U\x03\xff\xd8Aq\x01U\x04\xff\xd8B\nq\x02e]q\x03\x88a\x86q\x04."
    for data in (text, binary):
        assert load_pairs_pickle(data) == ([b"\xff\xd8A", b"\xff\xd8B\n"], [True])


def test_arrays_of_python_2_are_read() -> None:
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01(cnumpy\nndarray\nq\x02K\x00\x85U\x01bt\x52(K\x01K\x03\x85"
        b"cnumpy\ndtype\nq\x03(U\x02u1K\x00K\x01t\x52(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x03abctb"
    )
    scalar = b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\x02b1K\x00K\x01t\x52U\x01\x00t\x52"
    assert load_pairs_pickle(b"\x80\x02](" + array + array + b"e]" + scalar + b"a\x86.") == ([b"abc", b"abc"], [False])


def _system(path: Path) -> list[bytes]:
    command = f"touch {path}"
    payload = _Calls(__import__("os").system, command)
    return [pickle.dumps(payload, p) for p in (0, 2, 4)] + [pickle.dumps((IMAGES, [payload]), p) for p in (0, 2, 4)]


def test_nothing_is_executed(tmp_path: Path) -> None:
    victim = tmp_path / "touched"
    pickle.loads(_system(victim)[0])
    assert victim.exists()  # the attack works on the ordinary reader
    victim.unlink()
    for data in _system(victim):
        with pytest.raises(pickle.UnpicklingError, match=r"asks for \w+\.system, which a list of pairs has no use for"):
            load_pairs_pickle(data)
    assert not victim.exists()


@pytest.mark.parametrize("name", ["builtins\neval", "numpy\nload", "numpy.core.multiarray\nempty", "codecs\nencode"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(pickle.UnpicklingError, match="asks for"):
        load_pairs_pickle(b"\x80\x02c" + name.encode() + b"\n.")


def test_codecs_other_than_that_of_bytes_are_refused() -> None:
    data = pickle.dumps(_Calls(__import__("_codecs").encode, "abc", "idna"), 2)
    with pytest.raises(pickle.UnpicklingError, match="encodes text as no list of pairs does"):
        load_pairs_pickle(data)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(({"images": IMAGES}, [True])),  # dicts
        pickle.dumps(({b"a"}, [True])),  # sets
        b"\x80\x02(K\x01ios\nsystem\n.",  # INST
        b"\x80\x02\x82\x01.",  # an extension
        b"Pname\n.",  # a persistent id
        b"\x80\x02]}b.",  # attributes of an object
    ],
    ids=["dict", "set", "inst", "extension", "persistent", "build"],
)
def test_instructions_that_no_list_needs_are_refused(data: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"instructions that a list of pairs has no use for|asks for"):
        load_pairs_pickle(data)


def _amplified() -> bytes:
    """A pickle of 1 MB that encodes its one text a thousand times: 1 GB."""
    text = b"a" * 1_000_000
    start = (
        b"\x80\x02](c_codecs\nencode\nq\x01X"
        + struct.pack("<I", len(text))
        + text
        + b"q\x02X\x06\0\0\0latin1q\x03\x86R"
    )
    return start + b"h\x01h\x02h\x03\x86R" * 1000 + b"e."


@pytest.mark.parametrize(
    "data",
    [
        _amplified(),
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 36) + b".",  # a bytearray of 64 GB
        b"\x80\x05\x8e" + struct.pack("<Q", 1 << 60) + b".",  # bytes beyond any memory
        b"\x80\x02]r\xff\xff\xff\x7f.",  # a memo of 2^31 entries
        b"\x80\x02cnumpy\nndarray\n(J\xff\xff\xff\x7ft\x52.",  # an array of 2 GB that has no bytes
    ],
    ids=["amplified", "bytearray", "bytes", "memo", "array"],
)
def test_a_small_file_cannot_take_much_memory(data: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(pickle.UnpicklingError):
        load_pairs_pickle(data)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("protocol", range(6))
def test_a_cut_file_is_refused_wherever_it_is_cut(protocol: int) -> None:
    data = pickle.dumps((IMAGES, [True]), protocol)
    for end in range(len(data)):
        with pytest.raises(pickle.UnpicklingError):
            load_pairs_pickle(data[:end])


@pytest.mark.parametrize("seed", range(5))
def test_damage_ends_in_the_error_that_is_stated_or_in_other_data(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = pickle.dumps(([np.frombuffer(image, np.uint8) for image in IMAGES], [np.True_]), int(seed))
    for _ in range(100):
        data = bytearray(sound)
        data[rng.integers(len(data))] = rng.integers(256)
        try:
            images, same = load_pairs_pickle(bytes(data))
        except pickle.UnpicklingError:
            continue
        assert all(type(image) is bytes for image in images)
        assert all(type(flag) is bool for flag in same)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (IMAGES[0], "holds bytes, not a pair"),
        ((IMAGES, [True], []), "holds tuple, not a pair"),
        ((1, [True]), "holds int where a list is expected"),
        ((IMAGES, [1]), r"issame\[0\] is int, not bool"),
        ((IMAGES, [None]), r"issame\[0\] is NoneType, not bool"),
        ((IMAGES, [np.uint8(1)]), "an array of type|a number where a bool"),
        (([b"a", ""], [True]), "image 1 is str, not bytes"),
        (([b"a", b""], [True]), "image 1 is empty"),
        ((["a", "b"], [True]), "image 0 is str, not bytes"),
        (([np.zeros(3, np.float32)] * 2, [True]), "an array of type 'f4' where uint8 is expected"),
        (([np.zeros(3, object)] * 2, [True]), "an array of type 'O8' where uint8 is expected"),
        (([np.zeros(3, bool)] * 2, [True]), "image 0 is Array, not bytes"),
    ],
)
def test_another_structure_is_refused(content: Any, what: str) -> None:
    with pytest.raises(pickle.UnpicklingError, match=what):
        load_pairs_pickle(pickle.dumps(content, protocol=4))


def test_an_array_whose_shape_belies_its_bytes_is_refused() -> None:
    data = pickle.dumps(([np.frombuffer(b"pixels", dtype=np.uint8)] * 2, [True]), protocol=2)
    lie = data.replace(b"K\x06\x85", b"K\x07\x85")  # the shape (6,)
    assert lie != data
    with pytest.raises(pickle.UnpicklingError, match="shape and bytes disagree"):
        load_pairs_pickle(lie)
