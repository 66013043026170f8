"""Comparison of a training set with the data card that lies beside it."""

import logging
from pathlib import Path

from marginface.data.errors import DataError
from marginface.data.source import FaceSource
from marginface.prepare.card import CARD_NAME, find_card

log = logging.getLogger(__name__)


def check_card(root: Path, source: FaceSource) -> None:
    """Refuse a set that is not what its card says; a set without a card passes.

    Args:
        root: Folder of the set.
        source: The set as it was opened.

    Raises:
        DataError: The card is damaged or unfinished, or states other numbers or another size.
    """
    card = find_card(root)
    if card is None:
        return
    found = {
        "num_images": len(source),
        "num_identities": source.num_classes,
        "image_size": tuple(source.image_size),
    }
    stated = {"num_images": card.num_images, "num_identities": card.num_identities, "image_size": card.image_size}
    differs = [
        f"{name}: card {value}, here {found[name]}"
        for name, value in stated.items()
        if value is not None and value != found[name]
    ]
    if differs:
        raise DataError(
            f"{root / CARD_NAME} does not describe this set ({'; '.join(differs)}): files were added, lost or mixed; "
            "prepare the set again, or delete the card"
        )
    log.info("%s: %d images as its card says, aligned by %s", root, len(source), card.convention or "an unknown rule")
