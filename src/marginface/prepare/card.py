"""The data card: what a prepared set holds, as `card.json` beside it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.json_file import read_json
from marginface.data.record.pack_layout import PackLayout
from marginface.prepare.card_fields import misfits

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
        files_bytes: Sizes of the set's own files, by the same names.
        dropped: Number of images left out, by reason; their names are in `failures.csv` or `dropped.csv`.
        made_from: SHA-256 of its inputs: `faces` (the `faces_sha256` of the set before), `drop list`, `landmarks`.
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
    files_bytes: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    made_from: dict[str, str] = field(default_factory=dict)
    pack_layout: dict[str, Any] | None = None

    def text(self) -> str:
        """Content of its `card.json`."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, indent=2) + "\n"

    def sha256(self) -> str:
        """SHA-256 of its `card.json`, by which runs can be traced to their data."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def write_card(path: Path | str, card: Card) -> None:
    """Write a card; the file appears only when it is complete."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(card.text(), encoding="utf-8")
    unfinished.replace(path)


def write_figures(path: Path | str, card: Card) -> None:
    """Write the counts of a card as flat JSON, such as DVC's metrics: ``num_images``, ``dropped/<reason>``, ..."""
    counts = {name: getattr(card, name) for name in ("num_images", "num_identities", "num_pairs", "num_encoded")}
    known = {name: count for name, count in counts.items() if count is not None}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    dropped = {f"dropped/{reason}": count for reason, count in card.dropped.items()}
    Path(path).write_text(json.dumps({**known, **dropped}, indent=2) + "\n", encoding="utf-8")


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
    content = read_json(path, "run the step again that made it.")
    if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
        raise DataError(f"{path} is no {_FORMAT!r}: delete it, or run the step again that made it.")
    wrong = sorted(set(content) ^ {f.name for f in fields(Card)})
    if wrong:
        raise DataError(f"{path}: field(s) {', '.join(wrong)} are unknown or missing: run the step again.")
    wrong = misfits(content, Card)
    if not wrong and content["pack_layout"] is not None and not _is_layout(content["pack_layout"]):
        wrong = ["pack_layout"]
    if not wrong and 0 in (content["image_size"] or ()):
        wrong = ["image_size"]
    if wrong:
        raise DataError(f"{path}: field(s) {', '.join(wrong)} hold what no step writes: run the step again.")
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
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in paths}


def file_sizes(folder: Path, names: Iterable[str]) -> dict[str, int]:
    """Bytes of files, by their paths below a folder."""
    return {name: (folder / name).stat().st_size for name in names}


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as `sha256sum` prints it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _frozen(name: str, value: Any) -> Any:
    if name == "image_size" and value is not None:
        return tuple(value)
    return tuple(map(tuple, value)) if name == "template" and value is not None else value


def _is_layout(content: dict[str, Any]) -> bool:
    return set(content) == {f.name for f in fields(PackLayout)} and not misfits(content, PackLayout)
