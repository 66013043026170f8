"""Comparison of a set with the data card that lies beside it."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.source import FaceSource
from marginface.prepare.card import CARD_NAME, Card, file_hashes, file_sizes, find_card
from marginface.prepare.tally import source_sha256

log = logging.getLogger(__name__)


def check_card(root: Path, source: FaceSource, verify: bool = False) -> Card | None:
    """Refuse a training set that is not what its card says; a set without a card passes.

    Args:
        root: Folder of the set.
        source: The set as it was opened.
        verify: Whether to compare the content too, see :func:`verify_content`.

    Returns:
        The card; None where there is none.

    Raises:
        DataError: The card is damaged or unfinished; or it states other numbers, another size, other files, or colours
            that are not RGB.
        DataNotFoundError: There is no card to verify the set by.
    """
    card = find_card(root)
    if card is None:
        if verify:
            raise DataNotFoundError(
                f"verify_card=true, but {root} has no {CARD_NAME}: prepare it by src/prepare.py, or set false"
            )
        return None
    refuse_other_set(root, card, source, source.image_size)
    if card.colour_order != "RGB":
        raise DataError(
            f"{root / CARD_NAME}: colour_order is {card.colour_order}, but networks are fed what the images decode to "
            "as RGB: swap their channels and prepare the set again, or mend the card if it is wrong"
        )
    if verify:
        verify_content(root, card, source)
    log.info(
        "%s: %d images as its card says, aligned by %s; SHA-256 of the card: %s",
        *(root, len(source), card.convention or "an unknown rule", card.sha256()),
    )
    return card


def refuse_other_set(root: Path, card: Card, source: FaceSource, image_size: tuple[int, int]) -> None:
    """Compare counts, image size and the sizes of the files; reads no image.

    Args:
        root: Folder of the set.
        card: Its card.
        source: The set as it was opened.
        image_size: (height, width) in pixels of its images.

    Raises:
        DataError: They differ.
    """
    stated = {"num_images": card.num_images, "num_identities": card.num_identities, "image_size": card.image_size}
    here = {"num_images": len(source), "num_identities": source.num_classes, "image_size": tuple(image_size)}
    there = [name for name in card.files_bytes if (root / name).is_file()]
    _refuse(root / CARD_NAME, _differences(stated, here))
    _refuse(root / CARD_NAME, _differences(card.files_bytes, file_sizes(root, there), "bytes of "))


def verify_content(root: Path, card: Card, source: FaceSource, progress: bool = True) -> None:
    """Compare the SHA-256 of the files, or of all images where the set is a folder; reads everything once.

    Args:
        root: Folder of the set.
        card: Its card.
        source: The set as it was opened.
        progress: Whether to show a progress bar for a folder.

    Raises:
        DataError: They differ, or the card states none.
    """
    if card.files_bytes:
        refuse_other_files(root / CARD_NAME, card, list(card.files_bytes))
    elif card.faces_sha256:
        faces = {"faces_sha256": source_sha256(source, progress)}
        _refuse(root / CARD_NAME, _differences({"faces_sha256": card.faces_sha256}, faces))
    else:
        raise DataError(f"{root / CARD_NAME} states no hash of the images: run the step {card.step!r} again")


def refuse_other_files(path: Path, card: Card, names: Sequence[str]) -> None:
    """Compare the SHA-256 of files beside a card; reads them once.

    Args:
        path: Of the card.
        card: The card.
        names: Files that it states.

    Raises:
        DataError: They differ.
    """
    here = file_hashes(path.parent, [path.parent / name for name in names])
    _refuse(path, _differences({name: card.files_sha256.get(name) for name in names}, here, "SHA-256 of "))


def _refuse(path: Path, differs: list[str]) -> None:
    if differs:
        raise DataError(
            f"{path} does not describe this set ({'; '.join(differs)}): files were added, lost, changed or mixed; "
            "prepare the set again, or delete the card"
        )


def _differences(stated: Mapping[str, Any], here: Mapping[str, Any], of: str = "") -> list[str]:
    """What the card states and the set does not hold."""
    return [
        f"{of}{name}: card {value}, here {here.get(name, 'missing')}"
        for name, value in stated.items()
        if value is not None and value != here.get(name)
    ]
