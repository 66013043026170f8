"""The free choices of a pack are read as they were made, and change nothing else."""

from pathlib import Path

import pytest

from marginface.data import FaceRecords, RecordReader, RecordWriter, write_face_records
from marginface.data.record.irheader import pack, unpack
from marginface.data.record.pack_layout import PackLayout, read_pack_layout

SAMPLES = [(0, b"one"), (1, b"two"), (1, b"three")]
LAYOUTS = [PackLayout(), PackLayout(True, 0, ""), PackLayout(True, 1, "\r\n"), PackLayout(False, 7, "")]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_read_as_written(tmp_path: Path, layout: PackLayout) -> None:
    write_face_records(tmp_path, SAMPLES, layout=layout)
    assert read_pack_layout(tmp_path) == layout
    records = FaceRecords(tmp_path)
    assert [(int(y), records.read(i)) for i, y in enumerate(records.labels)] == SAMPLES


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_header_says_the_same_wherever_it_stands(tmp_path: Path, layout: PackLayout) -> None:
    write_face_records(tmp_path, SAMPLES, layout=layout)
    reader = RecordReader(tmp_path / "train.rec", tmp_path / "train.idx")
    header, image = unpack(reader.read(0), "the header")
    assert (header.labels.tolist(), header.id2, image) == ([4, 6], layout.header_id2, b"")
    assert ((tmp_path / "train.rec").read_bytes()[8:40] == reader.read(0)) is layout.header_first


def test_a_pack_without_header_has_the_usual_layout(tmp_path: Path) -> None:
    (tmp_path / "property").write_text("1,112,112")
    for first in (0, 1):
        with RecordWriter(tmp_path / "train.rec", tmp_path / "train.idx") as writer:
            writer.write(first, pack(0.0, id=first, image=b"one"))
        assert read_pack_layout(tmp_path) == PackLayout()
