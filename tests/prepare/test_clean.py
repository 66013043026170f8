"""What a drop list names is gone, what it does not name stays as it was, and so does the set itself."""

import csv
import json
import logging
import struct
from pathlib import Path

import pytest
from sets import files

from marginface.data import DataError, FaceRecords, ImageFolder, write_face_records
from marginface.data.drop_list import labels_digest
from marginface.data.record.irheader import pack
from marginface.data.record.recordio import RecordWriter
from marginface.datamodule import FaceDataModule
from marginface.prepare import clean_faces, convert_faces, pack_faces, read_card, verify_set
from marginface.prepare.card import CARD_NAME, file_sha256

GONE = [0, 7, *range(24, 32), 95]  # of 12 x 8 images; all eight of class 3


def listed(path: Path, index: list[int]) -> Path:
    path.write_text("".join(f"{number}\n" for number in index))
    return path


def audit(path: Path, source: FaceRecords | ImageFolder, drop: list[tuple[int, str, str]]) -> Path:
    entries = [{"index": index, "reason": reason, "why": why} for index, reason, why in drop]
    stated = {"labels_sha256": labels_digest(source.labels)}
    path.write_text(json.dumps({"source": stated, "reasons": {"twin": "", "noise": ""}, "drop": entries}))
    return path


def table(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def read_as_insightface(root: Path) -> list[tuple[float, bytes]]:
    """Labels and images by the rules of MXIndexedRecordIO and MXFaceDataset: all keys, unless record 0 has a flag."""
    rows = [line.split("\t") for line in (root / "train.idx").read_text().splitlines()]
    offsets, rec = {int(key): int(offset) for key, offset in rows}, (root / "train.rec").read_bytes()
    samples = []
    for key in offsets:
        magic, length = struct.unpack_from("<II", rec, offsets[key])
        flag, label, _, _ = struct.unpack_from("<IfQQ", rec, offsets[key] + 8)
        assert (magic, flag) == (0xCED7230A, 0)
        samples.append((label, rec[offsets[key] + 32 : offsets[key] + 8 + length]))
    assert 0 in offsets
    return samples


@pytest.mark.parametrize("to", ["records", "folder", "shards"])
def test_repacking_leaves_the_images_out_and_closes_the_labels(tiny_records: Path, tmp_path: Path, to: str) -> None:
    before = files(tiny_records)
    card = clean_faces(tiny_records, tmp_path / "new", listed(tmp_path / "drop.txt", GONE), to=to, progress=False)
    assert files(tiny_records) == before
    assert (card.step, card.num_images, card.num_identities) == ("clean", 96 - len(GONE), 11)
    convert_faces(tmp_path / "new", tmp_path / "pack", "records", progress=False)
    source, new = FaceRecords(tiny_records), FaceRecords(tmp_path / "pack")
    stay = [index for index in range(96) if index not in GONE]
    assert [new.read(i) for i in range(len(new))] == [source.read(i) for i in stay]
    assert new.labels.tolist() == [label - (label > 3) for label in source.labels[stay].tolist()]
    names = [name for _, name in table(tmp_path / "new" / "identities.csv")[1:]]
    assert names == [str(label) for label in range(12) if label != 3]
    assert card == read_card(tmp_path / "new" / CARD_NAME) == verify_set(tmp_path / "new", progress=False)


def test_an_index_file_shows_the_rest_of_the_same_records(tiny_records: Path, tmp_path: Path) -> None:
    before, out = files(tiny_records), tmp_path / "new"
    card = clean_faces(tiny_records, out, listed(tmp_path / "drop.txt", GONE), repack=False, progress=False)
    assert files(tiny_records) == before
    assert (out / "train.rec").samefile(tiny_records / "train.rec")
    assert (out / "property").read_bytes() == (tiny_records / "property").read_bytes()
    source, new = FaceRecords(tiny_records), FaceRecords(out)
    stay = [index for index in range(96) if index not in GONE]
    assert new.keys.tolist() == list(range(len(stay)))
    assert [new.read(i) for i in range(len(new))] == [source.read(i) for i in stay]
    assert new.labels.tolist() == source.labels[stay].tolist()
    assert read_as_insightface(out) == [(float(new.labels[i]), new.read(i)) for i in range(len(new))]
    # The card is that of the files, and training takes both.
    assert (card.num_images, card.num_identities) == (len(stay), 12)
    assert card == verify_set(out)
    data = FaceDataModule(out, verify_card=True)
    assert (data.num_classes, len(data.train_indices)) == (11, len(stay))


def test_both_ways_hold_the_same_faces(tiny_records: Path, tmp_path: Path) -> None:
    drop = listed(tmp_path / "drop.txt", GONE)
    cards = [
        clean_faces(tiny_records, tmp_path / str(repack), drop, repack=repack, progress=False)
        for repack in (True, False)
    ]
    assert cards[0].faces_sha256 == cards[1].faces_sha256
    again = convert_faces(tmp_path / "False", tmp_path / "again", "records", progress=False)
    assert again.faces_sha256 == cards[0].faces_sha256
    assert files(tmp_path / "again") == {k: v for k, v in files(tmp_path / "True").items() if k != "dropped.csv"}


def test_a_cleaned_pack_is_cleaned_again(tiny_records: Path, tmp_path: Path) -> None:
    first = clean_faces(tiny_records, tmp_path / "a", listed(tmp_path / "1.txt", [0]), repack=False, progress=False)
    second = clean_faces(tmp_path / "a", tmp_path / "b", listed(tmp_path / "2.txt", [0]), repack=False, progress=False)
    assert second.made_from["faces"] == first.faces_sha256
    assert second.files_sha256["train.rec"] == file_sha256(tiny_records / "train.rec")
    assert FaceRecords(tmp_path / "b").read(0) == FaceRecords(tiny_records).read(2)


def test_a_pack_on_another_disk_is_linked_by_name(
    tiny_records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    clean_faces(tiny_records, tmp_path / "new", listed(tmp_path / "drop.txt", [0]), repack=False, progress=False)
    assert (tmp_path / "new" / "train.rec").readlink() == (tiny_records / "train.rec").resolve()
    assert len(FaceRecords(tmp_path / "new")) == 95


def test_each_image_is_listed_with_its_reasons_and_counted_once(tiny_records: Path, tmp_path: Path) -> None:
    source = FaceRecords(tiny_records)
    drop = [(3, "noise", "far away"), (9, "twin", "as 3"), (9, "noise", "odd"), (40, "twin", "as 2")]
    path = audit(tmp_path / "audit.json", source, drop)
    card = clean_faces(tiny_records, tmp_path / "all", path, progress=False)
    assert card.dropped == {"noise": 1, "twin": 2}
    assert table(tmp_path / "all" / "dropped.csv") == [
        ["name", "kind", "detail"],
        [source.where(3), "noise", "far away"],
        [source.where(9), "twin", "as 3; odd"],
        [source.where(40), "twin", "as 2"],
    ]
    card = clean_faces(tiny_records, tmp_path / "noise", path, reasons=["noise"], progress=False)
    assert (card.dropped, card.num_images) == ({"noise": 2}, 94)
    card = clean_faces(tiny_records, tmp_path / "text", listed(tmp_path / "drop.txt", [5]), progress=False)
    assert card.dropped == {"drop list": 1}
    assert table(tmp_path / "text" / "dropped.csv")[1] == [source.where(5), "drop list", "listed in drop.txt"]


def test_the_card_names_its_origin(folder: Path, tmp_path: Path) -> None:
    packed = pack_faces(folder, tmp_path / "pack", progress=False)
    drop = listed(tmp_path / "drop.txt", [0])
    card = clean_faces(tmp_path / "pack", tmp_path / "new", drop, progress=False)
    assert card.made_from == {"faces": packed.faces_sha256, "drop list": file_sha256(drop)}
    assert table(tmp_path / "new" / "identities.csv")[1:] == [["0", "bert"], ["1", "cleo"]]
    plain = clean_faces(folder, tmp_path / "plain", drop, to="folder", progress=False)  # has no card: hashed now
    assert plain.made_from == card.made_from
    assert plain.faces_sha256 == card.faces_sha256


def test_records_with_arrays_of_labels_are_told_of(
    tiny_records: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, root = FaceRecords(tiny_records), tmp_path / "pack"
    root.mkdir()
    (root / "property").write_text("2,112,112")
    with RecordWriter(root / "train.rec", root / "train.idx") as writer:
        writer.write(0, pack((4, 4), id=0))
        for key, label in ((1, 0), (2, 0), (3, 1)):
            writer.write(key, pack((label, 0), id=key, image=source.read(key)))
    with caplog.at_level(logging.WARNING):
        clean_faces(root, tmp_path / "new", listed(tmp_path / "drop.txt", [1]), repack=False, progress=False)
    assert "insightface's reader takes the first image for a header" in caplog.text
    assert FaceRecords(tmp_path / "new").labels.tolist() == [0, 1]


def test_what_cannot_be_meant_is_refused_and_leaves_nothing(tiny_records: Path, folder: Path, tmp_path: Path) -> None:
    def clean(root: Path, drop: Path, out: str = "new", **options: object) -> None:
        clean_faces(root, tmp_path / out, drop, progress=False, **options)

    some, source = listed(tmp_path / "drop.txt", [0]), FaceRecords(tiny_records)
    other = audit(tmp_path / "other.json", ImageFolder(folder), [(0, "twin", "")])
    with pytest.raises(DataError, match="made for a set with other labels: audit this set of 96 images"):
        clean(tiny_records, other)
    with pytest.raises(DataError, match="names image 96"):
        clean(tiny_records, listed(tmp_path / "far.txt", [96]))
    with pytest.raises(DataError, match="leaves none of the 96 images"):
        clean(tiny_records, listed(tmp_path / "all.txt", list(range(96))), repack=False)
    with pytest.raises(ValueError, match="has no blur, only twin, noise"):
        clean(tiny_records, audit(tmp_path / "audit.json", source, []), reasons=["blur"])
    with pytest.raises(DataError, match=r"repack=false needs a pack \(train\.rec, .*anna, bert, cleo.*repack=true"):
        clean(folder, some, repack=False)
    with pytest.raises(ValueError, match="to='shards' needs repack=true"):
        clean(tiny_records, some, to="shards", repack=False)
    with pytest.raises(ValueError, match="to='lmdb' is unknown"):
        clean(tiny_records, some, to="lmdb")
    with pytest.raises(DataError, match="lies below root="):
        clean(folder, some, out="people/new")
    assert not [path for path in tmp_path.iterdir() if path.name not in {"people"} and path.is_dir()]


def test_a_folder_that_holds_something_and_a_set_unlike_its_card_are_refused(folder: Path, tmp_path: Path) -> None:
    pack_faces(folder, tmp_path / "pack", progress=False)
    drop = listed(tmp_path / "drop.txt", [0])
    with pytest.raises(DataError, match="is there already"):
        clean_faces(tmp_path / "pack", folder, drop)
    write_face_records(tmp_path / "pack", [(0, b"one"), (1, b"other")])
    with pytest.raises(DataError, match="num_images: card 6, here 2"):
        clean_faces(tmp_path / "pack", tmp_path / "new", drop)
    assert not (tmp_path / "new").exists()


def test_real_faces(shared_data: Path, tmp_path: Path) -> None:
    root, out = shared_data / "lfw112", tmp_path / "new"
    card = clean_faces(root, out, listed(tmp_path / "drop.txt", [0, 5]), repack=False, progress=False)
    assert card.num_images == len(FaceRecords(root)) - 2 == len(FaceRecords(out))
    assert (out / "train.rec").stat().st_size == (root / "train.rec").stat().st_size
