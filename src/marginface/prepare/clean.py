"""A set without the images of a drop list, as a set of its own."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from marginface.data.drop_list import read_drop_list
from marginface.data.errors import DataError
from marginface.data.kept import KeptFaces
from marginface.data.source import FaceSource
from marginface.prepare.agreement import refuse_other_set
from marginface.prepare.card import CARD_NAME, Card, file_sha256, write_card
from marginface.prepare.convert import write_layout
from marginface.prepare.failures import DROPPED_NAME, Failure, count_kinds, write_failures
from marginface.prepare.index_pack import write_index_pack
from marginface.prepare.opened import OpenedFaces, open_faces
from marginface.prepare.tally import source_sha256
from marginface.prepare.writing import whole_folder

_STEP = "clean"
_NO_REASON = "drop list"  # of an image that a text file names


def clean_faces(
    root: Path | str,
    out: Path | str,
    drop_list: Path | str,
    reasons: Sequence[str] | None = None,
    repack: bool = True,
    to: str = "records",
    images_per_shard: int = 10_000,
    progress: bool = True,
) -> Card:
    """Write a set without the images of a drop list; the set itself stays as it is.

    With `repack` the images that stay are written anew, with their bytes, and labels close up. Without it only an index
    file is written: `train.idx` over the old records, to which `train.rec` is a link, and labels stay. `dropped.csv`
    lists each image that is left out with its reason, `identities.csv` says which label each identity has.

    Args:
        root: The set: a folder, or a list file.
        out: Folder to write to, not below the set; made if missing, must be empty. It appears only when it is complete.
        drop_list: `audit.json` or `drop.txt` of an audit of this set, or a text file of image numbers.
        reasons: Only images that are listed for one of these; None for all.
        repack: False writes an index file only, over a pack.
        to: Layout of the new set: `records`, `folder` or `shards`.
        images_per_shard: Images of a shard.
        progress: Whether to show a progress bar.

    Returns:
        The data card, which lies beside the set. Of several reasons to drop an image it counts the first.

    Raises:
        ValueError: A reason that the list does not know, an unknown layout, or a layout without repacking.
        DataError: The list is of another set or leaves nothing, the set is damaged, not what its card says, or, without
            repacking, no pack; `out` is not empty, or lies below the set.
    """
    root, out, listed = Path(root), Path(out), Path(drop_list)
    if not repack and to != "records":
        raise ValueError(f"to={to!r} needs repack=true: without repacking, a pack stays a pack")
    if root.resolve() in out.resolve().parents:
        raise DataError(f"out={out} lies below root={root}, which is to stay as it is: pass a folder beside it")
    drop = read_drop_list(listed, reasons)
    opened = open_faces(root)
    if (root / CARD_NAME).is_file():
        refuse_other_set(root, opened.card, opened.source, opened.image_size)
    kept = KeptFaces(opened.source, drop)
    with whole_folder(out) as folder:
        if repack:
            names = [opened.classes[label] for label in kept.kept_classes]
            cleaned = replace(opened, source=kept, classes=names)
            card = write_layout(folder, cleaned, to, _STEP, images_per_shard, progress=progress)
        else:
            card = write_index_pack(folder, root, opened, kept, _STEP, progress=progress)
        dropped = _dropped(listed, drop.index.tolist(), opened.source, reasons)
        card = replace(card, dropped=count_kinds(dropped), made_from=_lineage(opened, listed, progress))
        write_failures(folder, dropped, DROPPED_NAME)
        write_card(folder / CARD_NAME, card)
    return card


def _dropped(path: Path, index: Sequence[int], source: FaceSource, reasons: Sequence[str] | None) -> list[Failure]:
    """Each image that is left out, with the first reason of the list and all that it says about it."""
    found: dict[int, list[dict[str, str]]] = {}
    if path.suffix == ".json":
        for entry in json.loads(path.read_text())["drop"]:
            if reasons is None or entry["reason"] in reasons:
                found.setdefault(entry["index"], []).append(entry)
    plain = [{"reason": _NO_REASON, "why": f"listed in {path.name}"}]
    return [
        Failure(source.where(number), str(entries[0]["reason"]), "; ".join(str(e.get("why", "")) for e in entries))
        for number in index
        for entries in [found.get(number, plain)]
    ]


def _lineage(opened: OpenedFaces, drop_list: Path, progress: bool) -> dict[str, str]:
    """SHA-256 of the set and of the list; that of the set is read off its card where it has one."""
    faces = opened.card.faces_sha256 or source_sha256(opened.source, progress)
    return {"faces": faces, "drop list": file_sha256(drop_list)}
