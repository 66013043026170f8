"""A prepared set, compared with its card to the last byte."""

from pathlib import Path

from marginface.data.errors import DataError
from marginface.data.image_names import image_names
from marginface.prepare.agreement import refuse_other_files, refuse_other_set, verify_content
from marginface.prepare.card import CARD_NAME, Card, read_card
from marginface.prepare.opened import open_faces
from marginface.prepare.tally import bytes_sha256
from marginface.prepare.verification import pairs_card_path


def verify_set(root: Path | str, progress: bool = True) -> Card:
    """Refuse a set that is not what its card says: counts, image size, and the SHA-256 of its files or images.

    Args:
        root: The set: a folder, a list file, or a single file with a card of its name, such as the `.bin` of pairs.
        progress: Whether to show a progress bar for a folder of images.

    Returns:
        The card.

    Raises:
        DataNotFoundError: There is no set, or no card.
        DataError: The set is damaged or unfinished, or not what its card says.
    """
    root = Path(root)
    if root.suffix == ".bin" or pairs_card_path(root).is_file():
        card = read_card(pairs_card_path(root))
        refuse_other_files(pairs_card_path(root), card, [root.name])
        return card
    folder = root.parent if root.is_file() else root
    card = read_card(folder / CARD_NAME)
    if not card.finished:
        raise DataError(
            f"{folder / CARD_NAME} says that the step {card.step!r} did not finish: run it again to its end"
        )
    if card.num_pairs is not None:
        _verify_pairs(folder, card)
        return card
    opened = open_faces(root)
    refuse_other_set(folder, card, opened.source, opened.image_size)
    verify_content(folder, card, opened.source, progress)
    return card


def _verify_pairs(folder: Path, card: Card) -> None:
    """Compare the images of unpacked pairs, which have no labels."""
    names = image_names(folder)
    here = bytes_sha256((folder / name).read_bytes() for name in names)
    if (len(names), here) != (card.num_images, card.faces_sha256):
        raise DataError(
            f"{folder / CARD_NAME} does not describe these {len(names)} images (card: {card.num_images}, "
            f"{card.faces_sha256}; here {here}): unpack the file again"
        )
