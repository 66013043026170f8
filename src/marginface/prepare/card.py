"""The data card: what a prepared set holds, as `card.json` beside it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from marginface.data.errors import DataError, DataNotFoundError

CARD_NAME = "card.json"
_FORMAT = "marginface data card 1"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Card:
    """What a prepared set holds and how it was made.

    Attributes:
        step: Step that made it: `align`, `pack`, ...
        finished: False while a step is at work, or after it was interrupted.
        image_size: (height, width) in pixels of every image; None if nobody stated it.
        num_images: Images in it.
        num_identities: Identities in it; None where images have no label.
        num_pairs: Verification pairs in it; None for a training set.
        template: (x, y) in pixels of the five points that faces were aligned to; None if unknown.
        convention: Similarity that brought them there, `umeyama` or `cp2tform`; None if unknown.
        colour_order: Of the images once decoded.
        quality: JPEG quality of the images that were encoded by a step; None if none was.
        num_encoded: Images that were encoded by this step; the others kept their bytes.
        faces_sha256: Sum of the SHA-256 of each (label, image), whatever files hold them in whatever order.
        files_sha256: Of the files, by their names; empty for a folder of images.
        dropped: Number of images left out, by reason; their names are in `failures.csv`.
        pack_layout: Layout of the pack that the images come from, to write it again.
    """

    step: str
    finished: bool = True
    image_size: tuple[int, int] | None = None
    num_images: int = 0
    num_identities: int | None = None
    num_pairs: int | None = None
    template: tuple[tuple[float, float], ...] | None = None
    convention: str | None = None
    colour_order: str = "RGB"
    quality: int | None = None
    num_encoded: int = 0
    faces_sha256: str | None = None
    files_sha256: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    pack_layout: dict[str, Any] | None = None


def write_card(path: Path | str, card: Card) -> None:
    """Write a card; the file appears only when it is complete."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(json.dumps({"format": _FORMAT, **asdict(card)}, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(path)


def read_card(path: Path | str) -> Card:
    """Read a card.

    Args:
        path: The `card.json`.

    Raises:
        DataNotFoundError: No such file.
        DataError: It is no data card, or one of another version.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f"{path} is missing: expected a data card, as `python src/prepare.py` writes it.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}): run the step again that made it.") from error
    if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
        raise DataError(f"{path} is no {_FORMAT!r}: delete it, or run the step again that made it.")
    wrong = sorted(set(content) ^ {f.name for f in fields(Card)})
    if wrong:
        raise DataError(f"{path}: field(s) {', '.join(wrong)} are unknown or missing: run the step again.")
    return Card(**{name: _frozen(name, value) for name, value in content.items()})


def find_card(root: Path) -> Card | None:
    """Card of a prepared folder; None where there is none.

    Raises:
        DataError: The card is damaged, or says that the set is not finished.
    """
    path = root / CARD_NAME
    if not path.is_file():
        return None
    card = read_card(path)
    if not card.finished:
        raise DataError(f"{path} says that the step {card.step!r} did not finish: run it again to its end.")
    return card


def file_hashes(folder: Path, paths: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of files, by their paths below a folder."""
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in paths}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _frozen(name: str, value: Any) -> Any:
    if name == "image_size" and value is not None:
        return tuple(value)
    return tuple(map(tuple, value)) if name == "template" and value is not None else value
