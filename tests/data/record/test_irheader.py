import numpy as np
import pytest

from marginface.data.errors import RecordError
from marginface.data.record.irheader import PEEK_BYTES, first_labels, pack, unpack


def test_bytes_are_those_of_mxnet() -> None:
    header = pack((4, 6), id=0, id2=1)  # 3 images, 2 identities
    assert header.hex() == "0200000000000000000000000000000001000000000000000000804000" + "00c040"
    assert pack(7, id=3).hex() == "000000000000e04003000000000000000000000000000000"


def test_a_scalar_label_comes_back() -> None:
    header, image = unpack(pack(7, id=3, image=b"jpeg"), "here")
    assert (header.flag, header.labels.tolist(), header.id, header.id2, image) == (0, [7.0], 3, 0, b"jpeg")


def test_a_label_array_comes_back() -> None:
    header, image = unpack(pack([7, 1.5, -2], id=2**40, id2=5, image=b"jpeg"), "here")
    assert (header.flag, header.labels.tolist(), header.id, header.id2) == (3, [7.0, 1.5, -2.0], 2**40, 5)
    assert image == b"jpeg"


def test_first_labels_reads_scalars_and_arrays_at_once() -> None:
    payloads = [pack(7, id=1, image=b"jpeg"), pack([9, 8], id=2), pack(0, id=3, image=b"\xff" * 9)]
    heads = np.stack([np.frombuffer(payload[:PEEK_BYTES], dtype=np.uint8) for payload in payloads])
    assert first_labels(heads).tolist() == [7, 9, 0]


@pytest.mark.parametrize(("payload", "needed"), [(b"short", 24), (pack([1, 2, 3], id=0)[:30], 36)])
def test_a_short_payload_is_refused(payload: bytes, needed: int) -> None:
    with pytest.raises(RecordError, match=rf"train\.rec, key 5: the record has {len(payload)} bytes.* needs {needed}"):
        unpack(payload, "train.rec, key 5")


def test_an_empty_label_array_is_refused() -> None:
    with pytest.raises(ValueError, match="label is an empty array"):
        pack([], id=0)
