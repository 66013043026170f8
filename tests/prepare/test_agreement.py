"""A set is what its card says, or is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_only

from marginface.data import DataError, DataNotFoundError, FaceRecords, ImageFolder
from marginface.datamodule import FaceDataModule
from marginface.prepare import convert_faces, pack_pairs, unpack_faces, verify_set
from marginface.prepare.agreement import check_card
from marginface.prepare.card import CARD_NAME, Card, file_sha256, read_card, write_card

CARD = Card("pack", num_images=96, num_identities=12, image_size=(112, 112))


def test_a_set_without_a_card_or_with_its_own_passes(tiny_records: Path, tmp_path: Path) -> None:
    source = FaceRecords(tiny_records)
    check_card(tmp_path, source)
    for card in (CARD, replace(CARD, num_identities=None, image_size=None)):
        write_card(tmp_path / CARD_NAME, card)
        check_card(tmp_path, source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_images": 97}, "num_images: card 97, here 96"),
        ({"num_identities": 11}, "num_identities: card 11, here 12"),
        ({"image_size": (112, 96)}, r"image_size: card \(112, 96\), here \(112, 112\)"),
        ({"finished": False}, "did not finish"),
    ],
)
def test_another_set_is_refused_with_what_differs(
    tiny_records: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    write_card(tmp_path / CARD_NAME, replace(CARD, **change))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        check_card(tmp_path, FaceRecords(tiny_records))


@pytest.fixture
def pack(tiny_records: Path, tmp_path: Path) -> Path:
    """A pack with its card."""
    convert_faces(tiny_records, tmp_path / "pack", "records", progress=False)
    return tmp_path / "pack"


def change(root: Path, **values: object) -> None:
    write_card(root / CARD_NAME, replace(read_card(root / CARD_NAME), **values))  # type: ignore[arg-type]


def test_training_looks_at_the_card(pack: Path) -> None:
    assert FaceDataModule(pack).num_classes == 12
    change(pack, num_images=95)
    with pytest.raises(DataError, match="prepare the set again, or delete the card"):
        FaceDataModule(pack)


def test_a_file_of_another_size_is_refused_at_once(pack: Path) -> None:
    (pack / "property").write_text("12,112,112\n\n")
    with pytest.raises(DataError, match=r"bytes of property: card 11, here 12"):
        check_card(pack, FaceRecords(pack))
    source = FaceRecords(pack)
    (pack / "property").unlink()
    with pytest.raises(DataError, match="bytes of property: card 11, here missing"):
        check_card(pack, source)


def test_a_changed_byte_is_found_when_the_content_is_verified(pack: Path) -> None:
    check_card(pack, FaceRecords(pack), verify=True)
    before = read_card(pack / CARD_NAME).files_sha256["train.rec"]
    with (pack / "train.rec").open("r+b") as file:
        file.seek(5000)
        byte = file.read(1)[0]
        file.seek(5000)
        file.write(bytes([byte ^ 255]))
    FaceDataModule(pack)  # sizes are as they were
    with pytest.raises(DataError, match=f"SHA-256 of train.rec: card {before}, here"):
        FaceDataModule(pack, verify_card=True)
    with pytest.raises(DataError, match=r"SHA-256 of train\.rec"):
        verify_set(pack)


def test_images_of_a_folder_are_verified_one_by_one(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "a"
    card = convert_faces(folder, root, "folder", progress=False)
    assert FaceDataModule(root, ImageFolder, verify_card=True).card == card == verify_set(root, progress=False)
    first, second = sorted((root / "0000001").iterdir())
    first_image, second_image = first.read_bytes(), second.read_bytes()
    first.write_bytes(second_image)
    second.write_bytes(first_image)
    verify_set(root, progress=False)  # the same faces in another order
    first.write_bytes((root / "0000000" / "0000001.jpg").read_bytes())
    FaceDataModule(root, ImageFolder)
    with pytest.raises(DataError, match=f"faces_sha256: card {card.faces_sha256}, here"):
        FaceDataModule(root, ImageFolder, verify_card=True)
    change(root, faces_sha256=None)
    with pytest.raises(DataError, match="states no hash of the images: run the step 'convert' again"):
        verify_set(root)


def test_a_verification_file_is_verified(folder: Path, tmp_path: Path) -> None:
    (folder / "pairs.txt").write_text("cleo/0.jpg cleo/1.jpg 1\nanna/0.jpg bert/0.jpg 0\n")
    path = tmp_path / "own.bin"
    assert pack_pairs(folder, path, num_folds=1) == verify_set(path)
    unpacked = unpack_faces(path, tmp_path / "images", progress=False)
    assert verify_set(tmp_path / "images") == unpacked
    image = next((tmp_path / "images" / "images").iterdir())
    image.write_bytes(image.read_bytes() + b" ")
    with pytest.raises(DataError, match=r"does not describe these 4 images .* unpack the file again"):
        verify_set(tmp_path / "images")
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(DataError, match=r"SHA-256 of own\.bin"):
        verify_set(path)


def test_there_is_nothing_to_verify_without_a_card(tiny_records: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"verify_card=true, but .* has no card\.json"):
        FaceDataModule(tiny_records, verify_card=True)
    with pytest.raises(DataNotFoundError, match=r"card\.json is missing"):
        verify_set(tiny_records)


def test_only_the_first_process_hashes(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pack / "train.idx").write_bytes((pack / "train.idx").read_bytes().replace(b"\t", b" ", 1))
    with pytest.raises(DataError, match=r"SHA-256 of train\.idx"):
        FaceDataModule(pack, verify_card=True)
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    assert FaceDataModule(pack, verify_card=True).num_classes == 12


def test_swapped_colours_are_refused(pack: Path) -> None:
    change(pack, colour_order="BGR")
    with pytest.raises(DataError, match="colour_order is BGR, but networks are fed"):
        FaceDataModule(pack)


def test_a_checkpoint_names_the_card(pack: Path, tiny_records: Path) -> None:
    data = FaceDataModule(pack, batch_size=8, num_workers=0)
    data.train_dataloader()
    assert data.state_dict()["card"] == file_sha256(pack / CARD_NAME)
    plain = FaceDataModule(tiny_records, batch_size=8, num_workers=0)
    plain.train_dataloader()
    assert plain.state_dict()["card"] is None
