"""A pack that shows some images of another pack: an index file of its own over the same records.

Shapes: R records of the pack, M images that are kept.
"""

import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path

from marginface.data.errors import DataError
from marginface.data.found import found
from marginface.data.kept import KeptFaces
from marginface.data.record.face_records import FaceRecords
from marginface.data.record.irheader import unpack
from marginface.data.record.pack_layout import PackLayout
from marginface.data.record.record_index import read_index
from marginface.data.record.recordio import RecordReader
from marginface.prepare.card import Card, file_sha256, file_sizes
from marginface.prepare.convert import finished_card
from marginface.prepare.identities import write_identities
from marginface.prepare.opened import OpenedFaces
from marginface.prepare.tally import Tally

log = logging.getLogger(__name__)


def write_index_pack(
    folder: Path,
    root: Path,
    opened: OpenedFaces,
    kept: KeptFaces,
    step: str,
    name: str = "train",
    progress: bool = True,
) -> Card:
    """Write `<name>.idx` with keys 0 to M-1, `property` as it was, and a link to the `.rec`; no record is copied.

    There is neither a header record nor identity records: insightface's and MXNet's readers take it, as they take a
    pack of im2rec, for one that has images only. Labels stay as they are, those that lost all images included.

    Args:
        folder: Empty folder.
        root: Folder of the pack.
        opened: The pack.
        kept: The images of it that stay.
        step: What the card calls this step.
        name: Name of the pack.
        progress: Whether to show a progress bar.

    Returns:
        The data card, not yet written.

    Raises:
        DataError: The set is no pack.
    """
    if not isinstance(opened.source, FaceRecords):
        raise DataError(
            f"repack=false needs a pack ({name}.rec, {name}.idx, property), but {found(root)}: pass repack=true"
        )
    rec, idx = f"{name}.rec", f"{name}.idx"
    index = read_index(root / idx)
    offsets = index.offsets[index.rows(opened.source.keys[kept.kept])]
    (folder / idx).write_text("".join(f"{key}\t{offset}\n" for key, offset in enumerate(offsets.tolist())))
    shutil.copyfile(root / "property", folder / "property")
    _link((root / rec).resolve(), folder / rec)
    _warn_of_label_arrays(folder / rec, folder / idx)
    write_identities(folder, opened.classes)
    tally = Tally()
    for _ in tally.watch(replace(opened, source=kept).samples(progress=progress)):
        pass
    hashes = {file: _known_or_new(folder, file, opened.card) for file in (rec, idx, "property")}
    card = finished_card(replace(opened, pack_layout=PackLayout()), tally, step, folder, hashes)
    return replace(card, num_identities=opened.source.num_classes)


def _link(rec: Path, place: Path) -> None:
    """A hard link, which outlives the name that the pack has now; a symbolic one to another disk."""
    try:
        os.link(rec, place)
    except OSError:
        place.symlink_to(rec)


def _known_or_new(folder: Path, file: str, card: Card) -> str:
    """SHA-256 of a file; of the .rec, which may be huge and is as its card says, the one on the card."""
    unchanged = file.endswith(".rec") and card.files_bytes.get(file) == file_sizes(folder, [file])[file]
    return card.files_sha256[file] if unchanged and file in card.files_sha256 else file_sha256(folder / file)


def _warn_of_label_arrays(rec: Path, idx: Path) -> None:
    header, _ = unpack(RecordReader(rec, idx).read(0), f"{rec}, key 0")
    if header.flag:
        log.warning(
            "the images of %s have an array of %d labels each: marginface reads the new index file, but insightface's "
            "reader takes the first image for a header; for that reader clean with repack=true",
            *(rec.name, header.flag),
        )
