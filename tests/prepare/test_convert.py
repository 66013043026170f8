"""Every layout to every other and back: the same bytes."""

import filecmp
import itertools
import tarfile
from pathlib import Path

import pytest
from sets import files, photo

from marginface.data import DataError, FaceRecords, encode, write_face_records
from marginface.data.record.pack_layout import PackLayout
from marginface.prepare import convert_faces, pack_faces, read_card, unpack_faces
from marginface.prepare.convert import LAYOUTS


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(LAYOUTS, 2)))
def test_there_and_back_again(tiny_records: Path, tmp_path: Path, first: str, second: str) -> None:
    convert_faces(tiny_records, tmp_path / "a", first, progress=False)
    there = convert_faces(tmp_path / "a", tmp_path / "b", second, progress=False)
    back = convert_faces(tmp_path / "b", tmp_path / "c", first, progress=False)
    assert files(tmp_path / "a") == files(tmp_path / "c")
    assert there.faces_sha256 == back.faces_sha256
    assert (back.num_images, back.num_identities) == (96, 12)


def test_another_label_is_another_hash(folder: Path, tmp_path: Path) -> None:
    one = convert_faces(folder, tmp_path / "a", "folder", progress=False)
    (folder / "cleo" / "2.jpg").rename(folder / "bert" / "2.jpg")
    other = convert_faces(folder, tmp_path / "b", "folder", progress=False)
    assert one.num_images == other.num_images
    assert one.faces_sha256 != other.faces_sha256


def test_an_unpacked_pack_is_packed_to_the_same_bytes(tiny_records: Path, tmp_path: Path) -> None:
    unpack_faces(tiny_records, tmp_path / "images", progress=False)
    records = FaceRecords(tiny_records)
    assert (tmp_path / "images" / "0000001" / "0000009.jpg").read_bytes() == records.read(8)
    card = pack_faces(tmp_path / "images", tmp_path / "pack", progress=False)
    assert files(tmp_path / "pack") == files(tiny_records)
    assert card.num_encoded == 0


def test_the_layout_of_the_pack_comes_back(folder: Path, tmp_path: Path) -> None:
    people = [(label, path.read_bytes()) for label, path in enumerate(sorted(folder.glob("*/0.jpg")))]
    layout = PackLayout(header_first=True, header_id2=0, property_end="")
    write_face_records(tmp_path / "pack", people, layout=layout)
    unpack_faces(tmp_path / "pack", tmp_path / "images", progress=False)
    pack_faces(tmp_path / "images", tmp_path / "again", progress=False)
    assert files(tmp_path / "again") == files(tmp_path / "pack")


def test_files_of_mxnet_come_back_as_they_were(shared_data: Path, tmp_path: Path) -> None:
    root = shared_data / "lfw112"
    unpack_faces(root, tmp_path / "images", progress=False)
    pack_faces(tmp_path / "images", tmp_path / "pack", progress=False)
    names = ["train.rec", "train.idx", "property"]
    assert filecmp.cmpfiles(root, tmp_path / "pack", names, shallow=False)[0] == names


def test_shards_are_plain_tar_files_in_pairs(folder: Path, tmp_path: Path) -> None:
    card = convert_faces(folder, tmp_path / "shards", "shards", images_per_shard=4, progress=False)
    assert list(card.files_sha256) == ["faces-000000.tar", "faces-000001.tar"]
    with tarfile.open(tmp_path / "shards" / "faces-000001.tar") as tar:
        assert tar.getnames() == ["0000005.jpg", "0000005.cls", "0000006.jpg", "0000006.cls"]
        image, label = tar.extractfile("0000006.jpg"), tar.extractfile("0000006.cls")
        assert (image.read(), label.read()) == ((folder / "cleo" / "2.jpg").read_bytes(), b"2")


def test_shuffled_shards_hold_the_same(tiny_records: Path, tmp_path: Path) -> None:
    plain = convert_faces(tiny_records, tmp_path / "plain", "shards", progress=False)
    mixed = convert_faces(tiny_records, tmp_path / "mixed", "shards", shuffle=0, progress=False)
    assert mixed.faces_sha256 == plain.faces_sha256
    assert mixed.files_sha256 != plain.files_sha256
    with tarfile.open(tmp_path / "mixed" / "faces-000000.tar") as tar:
        labels = [int(tar.extractfile(name).read()) for name in tar.getnames()[1::2]]
    assert len(set(labels[:12])) > 4  # the first 12 of 12 x 8 images are no longer 2 people
    back = convert_faces(tmp_path / "mixed", tmp_path / "pack", "records", progress=False)
    assert back.faces_sha256 == plain.faces_sha256
    records, expected = FaceRecords(tmp_path / "pack"), FaceRecords(tiny_records)
    assert records.labels.tolist() == expected.labels.tolist()
    assert {records.read(i) for i in range(8)} == {expected.read(i) for i in range(8)}


def test_an_interrupted_conversion_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    (folder / "cleo" / "2.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match="8 bytes are no JPEG"):
        convert_faces(folder, tmp_path / "out" / "shards", "shards", progress=False)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"people is there already \(.*anna, bert, cleo"):
        convert_faces(folder, folder, "shards", progress=False)
    assert len(files(folder)) == 6


def test_unknown_words_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="to='lmdb' is unknown: pass one of records, folder, shards"):
        convert_faces(folder, tmp_path / "out", "lmdb")
    with pytest.raises(ValueError, match="shuffle=1 has a meaning for to=shards only, to is 'folder'"):
        convert_faces(folder, tmp_path / "out", "folder", shuffle=1)
    with pytest.raises(ValueError, match="images_per_shard=0"):
        convert_faces(folder, tmp_path / "out", "shards", images_per_shard=0, progress=False)


def test_an_unfinished_set_is_not_used(folder: Path, tmp_path: Path) -> None:
    convert_faces(folder, tmp_path / "a", "folder", progress=False)
    path = tmp_path / "a" / "card.json"
    assert read_card(path).finished
    path.write_text(path.read_text().replace('"finished": true', '"finished": false'))
    with pytest.raises(DataError, match="the step 'convert' did not finish"):
        convert_faces(tmp_path / "a", tmp_path / "b", "records", progress=False)


def test_labels_without_image_are_closed_up(folder: Path, tmp_path: Path) -> None:
    convert_faces(folder, tmp_path / "shards", "shards", images_per_shard=1, progress=False)
    for number in (1, 2):  # bert's two
        (tmp_path / "shards" / f"faces-{number:06d}.tar").unlink()
    card = convert_faces(tmp_path / "shards", tmp_path / "pack", "records", progress=False)
    assert card.num_identities == 2
    assert FaceRecords(tmp_path / "pack").labels.tolist() == [0, 1, 1, 1]
    assert (tmp_path / "pack" / "identities.csv").read_text() == "label,name\n0,anna\n1,cleo\n"


def test_names_of_identities_go_on_through_all_layouts(folder: Path, tmp_path: Path) -> None:
    last = folder
    for number, to in enumerate(("records", "folder", "shards", "records")):
        convert_faces(last, tmp_path / str(number), to, progress=False)
        last = tmp_path / str(number)
        assert (last / "identities.csv").read_text() == "label,name\n0,anna\n1,bert\n2,cleo\n"
    (last / "identities.csv").write_text("somebody's own table\n0,x\n")
    convert_faces(last, tmp_path / "plain", "records", progress=False)
    assert (tmp_path / "plain" / "identities.csv").read_text() == "label,name\n0,0\n1,1\n2,2\n"


def test_folders_that_have_numbers_of_their_own_keep_them(folder: Path, tmp_path: Path) -> None:
    for name, number in (("anna", "0000002"), ("bert", "0000000"), ("cleo", "0000045")):
        (folder / name).rename(folder / number)
    (folder / "identities.csv").write_text("label,name\n0,0000000\n1,0000002\n2,0000045\n")
    convert_faces(folder, tmp_path / "pack", "records", progress=False)
    assert (tmp_path / "pack" / "identities.csv").read_bytes() == (folder / "identities.csv").read_bytes()


def test_the_card_says_what_the_set_was_made_from(folder: Path, tmp_path: Path) -> None:
    first = convert_faces(folder, tmp_path / "a", "shards", images_per_shard=4, progress=False)
    assert first.made_from == {}
    assert first.files_bytes == {
        name: (tmp_path / "a" / name).stat().st_size for name in ("faces-000000.tar", "faces-000001.tar")
    }
    path = tmp_path / "a" / "card.json"
    path.write_text(path.read_text().replace('"RGB"', '"BGR"'))
    second = convert_faces(tmp_path / "a", tmp_path / "b", "folder", progress=False)
    assert second.made_from == {"faces": first.faces_sha256}
    assert (second.colour_order, second.files_bytes) == ("BGR", {})


def test_images_of_an_identity_keep_the_order_of_their_list(tmp_path: Path) -> None:
    images = {f"{number}.jpg": encode(photo(number, 8, 8)) for number in range(90)}
    for name, image in images.items():
        (tmp_path / name).write_bytes(image)
    (tmp_path / "faces.txt").write_text("".join(f"{name} {int(name[:-4]) % 3}\n" for name in images))
    convert_faces(tmp_path / "faces.txt", tmp_path / "pack", "records", progress=False)
    records = FaceRecords(tmp_path / "pack")
    assert [records.read(i) for i in range(30)] == [images[f"{number}.jpg"] for number in range(0, 90, 3)]
