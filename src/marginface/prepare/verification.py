"""A list of pairs and its images to a verification file of insightface."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from marginface.data.decode import decode
from marginface.data.errors import PairsError
from marginface.data.image_set import ImageFiles
from marginface.data.pair_lists import ListedPair
from marginface.data.pair_lists.paths import read_path_pairs
from marginface.data.pairs import FacePairs, write_pairs
from marginface.prepare.card import Card, file_hashes, find_card, write_card
from marginface.prepare.fitting import fit_image
from marginface.prepare.tally import bytes_sha256


def pack_pairs(
    root: Path | str,
    out: Path | str,
    pairs: Path | str = "pairs.txt",
    layout: str = "paths_label",
    num_folds: int = 10,
    image_size: tuple[int, int] | None = None,
    quality: int = 95,
    resize: bool = False,
) -> Card:
    """Write a `.bin` from a list of pairs; insightface and `read_pairs` read it.

    Pairs are stored fold by fold. JPEGs of the right size keep their bytes, other images are encoded. A benchmark has
    a fixed number of pairs: an image that cannot be used is an error, none is left out.

    Args:
        root: Folder that the list's paths start from.
        out: The `.bin` file; its card gets the same name with `.card.json`.
        pairs: The list, below `root` or absolute.
        layout: `paths_label` (`path1 path2 label [fold]`) or `label_paths`.
        num_folds: Contiguous folds of a list that names none.
        image_size: (height, width) in pixels; None for what the folder's card states, else that of the first image.
        quality: JPEG quality of the images that are encoded.
        resize: Whether images of another size are resized.

    Returns:
        The data card.

    Raises:
        DataError: The list is damaged, an image is missing, no intact image, or of another size.
    """
    root, out = Path(root), Path(out)
    if out.suffix != ".bin":
        raise PairsError(f"out={out}: pass the name of the verification file, with the ending .bin")
    listed = read_path_pairs(root / pairs, layout, num_folds)
    names = list(dict.fromkeys(name for pair in listed for name in (pair.first, pair.second)))
    files = ImageFiles(root, names, f"the pairs of {root / pairs}")
    card = find_card(root)
    size = image_size if card is None else image_size or card.image_size
    if size is None:
        height, width = files.load(0).shape[:2]
        size = (height, width)
    fitted = [fit_image(files[i], files.where(i), (size[0], size[1]), quality, resize) for i in range(len(files))]
    made = _pairs([image.image for image in fitted], names, listed)
    write_pairs(out, made)
    num_encoded = sum(image.encoded for image in fitted)
    card = replace(
        pairs_card(made, card),
        num_encoded=num_encoded,
        files_sha256=file_hashes(out.parent, [out]),
    )
    if num_encoded:
        card = replace(card, quality=quality)
    write_card(pairs_card_path(out), card)
    return card


def pairs_card_path(path: Path) -> Path:
    """Where the card of a `.bin` file lies."""
    return path.with_suffix(".card.json")


def pairs_card(pairs: FacePairs, origin: Card | None) -> Card:
    """Card of verification pairs, with what the card of their images says about the alignment."""
    origin = origin or Card("unknown")
    height, width = decode(pairs.images[0], "image 0 of the pairs").shape[:2]
    return Card(
        "pack_pairs",
        image_size=(height, width),
        num_images=len(pairs.images),
        num_pairs=len(pairs),
        template=origin.template,
        convention=origin.convention,
        quality=origin.quality,
        faces_sha256=bytes_sha256(pairs.images),
    )


def _pairs(images: Sequence[bytes], names: Sequence[str], listed: Sequence[ListedPair]) -> FacePairs:
    number = {name: index for index, name in enumerate(names)}
    first, second = (
        np.array([number[name] for name in column]) for column in zip(*[p[:2] for p in listed], strict=True)
    )
    return FacePairs(tuple(images), first, second, np.array([pair.same for pair in listed]))
