import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from marginface.data.errors import DataNotFoundError, LabelError, RecordError
from marginface.data.record.face_records import FaceRecords, write_face_records
from marginface.data.record.irheader import pack, unpack
from marginface.data.record.recordio import RecordReader, RecordWriter

SAMPLES = [(0, b"a0"), (0, b"a1"), (1, b"b0"), (2, b"c0"), (2, b"c1"), (2, b"c2")]


def _pack_of(root: Path, records: list[tuple[int, bytes]], property_line: str = "3,112,96") -> Path:
    """A pack of records as they are given, (key, payload)."""
    (root / "property").write_text(property_line)
    with RecordWriter(root / "train.rec", root / "train.idx") as writer:
        for key, payload in records:
            writer.write(key, payload)
    return root


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_face_records(tmp_path, SAMPLES, image_size=(112, 96))
    faces = FaceRecords(tmp_path)
    assert [(label, faces.read(i)) for i, label in enumerate(faces.labels)] == SAMPLES
    assert faces.labels.dtype == np.int64
    assert (len(faces), faces.num_classes, faces.image_size) == (6, 3, (112, 96))
    assert faces.where(4) == f"{tmp_path / 'train.rec'}, key 5"


def test_the_layout_is_that_of_insightface(tmp_path: Path) -> None:
    write_face_records(tmp_path, [(0, b"a"), (0, b"b"), (1, b"c")])
    reader = RecordReader(tmp_path / "train.rec", tmp_path / "train.idx")
    assert reader.read(0).hex() == "0200000000000000000000000000000001000000000000000000804000" + "00c040"
    keys_in_file_order = [int(line.split("\t")[0]) for line in (tmp_path / "train.idx").read_text().splitlines()]
    assert keys_in_file_order == [1, 2, 3, 4, 5, 0]  # images, identities, header
    identities = [unpack(reader.read(key), "") for key in (4, 5)]
    assert [header.labels.tolist() for header, _ in identities] == [[1, 3], [3, 4]]
    assert [(header.id, header.id2, image) for header, image in identities] == [(4, 0, b""), (5, 0, b"")]
    assert (tmp_path / "property").read_text() == "2,112,112\n"


def test_real_faces(shared_data: Path) -> None:
    faces = FaceRecords(shared_data / "lfw112")
    assert (len(faces), faces.num_classes, faces.image_size) == (4982, 978, (112, 112))
    counts = np.bincount(faces.labels)
    assert len(counts) == 978
    assert counts.min() >= 2
    assert all(faces.read(i)[:2] == b"\xff\xd8" for i in (0, 2500, 4981))


def test_a_real_pack_written_again_has_the_same_records(shared_data: Path, tmp_path: Path) -> None:
    faces = FaceRecords(shared_data / "lfw112")
    write_face_records(tmp_path, ((int(label), faces.read(i)) for i, label in enumerate(faces.labels)))
    one = RecordReader(shared_data / "lfw112" / "train.rec", shared_data / "lfw112" / "train.idx")
    other = RecordReader(tmp_path / "train.rec", tmp_path / "train.idx")
    assert other.keys.tolist() == one.keys.tolist()
    assert all(other.read(key) == one.read(key) for key in one.keys[1:])
    headers = [unpack(reader.read(0), "")[0] for reader in (one, other)]
    assert headers[0].labels.tolist() == headers[1].labels.tolist()  # id2 is 1 in some packs, 0 in others


def test_the_first_of_a_label_array_is_the_label(tmp_path: Path) -> None:
    header = pack((3, 3), id=0, id2=1)
    _pack_of(tmp_path, [(0, header), (1, pack([2, 9, 9], id=1, image=b"jpeg")), (2, pack(1, id=2, image=b"png"))])
    faces = FaceRecords(tmp_path)
    assert faces.labels.tolist() == [2, 1]
    assert [faces.read(0), faces.read(1)] == [b"jpeg", b"png"]


@pytest.mark.parametrize("label", [2, [2, 7]], ids=["scalar", "array"])
def test_without_a_header_every_record_is_an_image(tmp_path: Path, label: int | list[int]) -> None:
    _pack_of(tmp_path, [(0, pack(label, id=0, image=b"a")), (1, pack(1, id=1, image=b"b"))])
    faces = FaceRecords(tmp_path)
    assert faces.labels.tolist() == [2, 1]
    assert faces.read(0) == b"a"


def test_keys_that_the_header_promises_but_the_index_lacks_are_left_out(tmp_path: Path) -> None:
    _pack_of(
        tmp_path, [(0, pack((100, 100), id=0, id2=1)), (4, pack(1, id=4, image=b"a")), (9, pack(2, id=9, image=b"b"))]
    )
    faces = FaceRecords(tmp_path)
    assert faces.labels.tolist() == [1, 2]
    assert faces.where(1).endswith("key 9")


@pytest.mark.parametrize("num_images", [2**24 + 2, 2**24 + 4, 2**25 + 1, 2**25 + 5])
def test_a_header_rounded_to_float32_neither_loses_images_nor_takes_identities(tmp_path: Path, num_images: int) -> None:
    first_identity = num_images + 1
    images = [1, *range(num_images - 3, num_images + 1)]
    records = [(key, pack(1, id=key, image=b"jpeg")) for key in images]
    records += [(key, pack((1, 2), id=key)) for key in range(first_identity, first_identity + 5)]
    _pack_of(tmp_path, [*records, (0, pack((first_identity, first_identity + 5), id=0, id2=1))])
    faces = FaceRecords(tmp_path)
    assert [int(faces.where(i).split()[-1]) for i in range(len(faces))] == images


@pytest.mark.parametrize(
    ("label", "named"), [(3, "label 3.0"), (-1, "label -1.0"), (0.5, "label 0.5"), (float("nan"), "label nan")]
)
def test_a_label_outside_the_classes_is_refused(tmp_path: Path, label: float, named: str) -> None:
    _pack_of(tmp_path, [(0, pack(0, id=0, image=b"a")), (1, pack(label, id=1, image=b"b"))])
    with pytest.raises(LabelError, match=rf"train\.rec, key 1: {named} is no integer in \[0, 3\).*property"):
        FaceRecords(tmp_path)


@pytest.mark.parametrize("missing", ["train.rec", "train.idx", "property"])
def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path, missing: str) -> None:
    write_face_records(tmp_path, SAMPLES)
    (tmp_path / missing).unlink()
    with pytest.raises(DataNotFoundError, match=rf"{missing} is missing: expected.*dvc pull"):
        FaceRecords(tmp_path)


@pytest.mark.parametrize("line", ["", "3,112", "many,112,112", "0,112,112", "3,112,-1"])
def test_a_malformed_property_is_refused(tmp_path: Path, line: str) -> None:
    write_face_records(tmp_path, SAMPLES)
    (tmp_path / "property").write_text(line)
    with pytest.raises(RecordError, match=rf"property holds {line!r}.*10572,112,112"):
        FaceRecords(tmp_path)


def test_a_property_with_more_fields_is_read(tmp_path: Path) -> None:
    write_face_records(tmp_path, SAMPLES)
    (tmp_path / "property").write_text("3,112,112,6,shuffled")
    assert FaceRecords(tmp_path).num_classes == 3


def test_a_pack_without_images_is_refused(tmp_path: Path) -> None:
    _pack_of(tmp_path, [(0, pack((1, 2), id=0, id2=1)), (1, pack((1, 1), id=1))])
    with pytest.raises(RecordError, match=r"train\.rec holds no image"):
        FaceRecords(tmp_path)


def test_a_cut_pack_is_refused_at_opening(tmp_path: Path) -> None:
    write_face_records(tmp_path, [(0, b"x" * 5000), (1, b"y" * 5000)])
    rec = tmp_path / "train.rec"
    rec.write_bytes(rec.read_bytes()[:7000])
    with pytest.raises(RecordError, match=r"train\.idx.*cut short.*copy both again"):
        FaceRecords(tmp_path)


@pytest.mark.parametrize("labels", [[1], [0, 2], [0, 1, 0], [-1], []])
def test_ungrouped_samples_are_refused_and_leave_nothing(tmp_path: Path, labels: list[int]) -> None:
    with pytest.raises(LabelError, match="samples"):
        write_face_records(tmp_path, [(label, b"a") for label in labels])
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_pack_that_was_there(tmp_path: Path) -> None:
    write_face_records(tmp_path, SAMPLES)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def samples() -> Iterator[tuple[int, bytes]]:
        yield 0, b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_face_records(tmp_path, samples())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("num_done", [0, 1, 2])
def test_a_failure_between_the_files_never_mixes_two_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_done: int
) -> None:
    write_face_records(tmp_path, SAMPLES)
    rename, done = Path.replace, list[Path]()

    def fail_later(self: Path, target: Path) -> Path:
        if len(done) == num_done:
            raise OSError("disk gone")
        done.append(self)
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail_later)
        with pytest.raises(OSError, match="disk gone"):
            write_face_records(tmp_path, [(label, b"longer than before") for label in range(9)])
    with pytest.raises(DataNotFoundError, match=r"train\.idx is missing"):
        FaceRecords(tmp_path)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_read_through_a_pickled_source(tmp_path: Path, method: str) -> None:
    write_face_records(tmp_path, SAMPLES)
    faces = FaceRecords(tmp_path)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.map(faces.read, range(6)) == [image for _, image in SAMPLES]


def test_a_pack_is_held_in_flat_arrays_and_dense_keys_in_none(tmp_path: Path) -> None:
    write_face_records(tmp_path, [(label, b"x") for label in range(50) for _ in range(20)])
    faces = FaceRecords(tmp_path)
    assert faces._keys == range(1, 1001)
    assert faces.keys.tolist() == list(range(1, 1001))
    assert faces.labels.nbytes + faces._reader._index.offsets.nbytes < 17 * len(faces)
    assert faces._reader._index.sparse.nbytes == 0
    assert faces._reader._mapped is None, "pages of the labels would count as memory of each worker"


def test_keys_with_gaps_are_held_once(tmp_path: Path) -> None:
    write_face_records(tmp_path, SAMPLES)
    lines = (tmp_path / "train.idx").read_text().splitlines()
    (tmp_path / "train.idx").write_text("\n".join(line for line in lines if not line.startswith("3\t")))
    faces = FaceRecords(tmp_path)
    assert faces.keys.tolist() == [1, 2, 4, 5, 6]
    assert np.shares_memory(faces._keys, faces._reader.keys)
    assert [faces.read(index) for index in range(5)] == [SAMPLES[row][1] for row in (0, 1, 3, 4, 5)]
    assert faces.where(2).endswith("key 4")
