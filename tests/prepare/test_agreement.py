"""A set is what its card says, or is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from marginface.data import FaceRecords
from marginface.data.errors import DataError
from marginface.datamodule import FaceDataModule
from marginface.prepare.agreement import check_card
from marginface.prepare.card import CARD_NAME, Card, write_card

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


def test_training_looks_at_the_card(tiny_records: Path, tmp_path: Path) -> None:
    for path in tiny_records.iterdir():
        (tmp_path / path.name).symlink_to(path)
    write_card(tmp_path / CARD_NAME, CARD)
    assert FaceDataModule(tmp_path).num_classes == 12
    write_card(tmp_path / CARD_NAME, replace(CARD, num_images=95))
    with pytest.raises(DataError, match="prepare the set again, or delete the card"):
        FaceDataModule(tmp_path)
