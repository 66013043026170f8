"""Writers of labelled faces, one a layout.

Shapes: M images.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from marginface.data.errors import DataError
from marginface.data.found import found
from marginface.data.record.face_records import write_face_records
from marginface.prepare.card import file_hashes
from marginface.prepare.opened import OpenedFaces
from marginface.prepare.sample import Sample, image_suffix, key_width
from marginface.prepare.shards import write_shards


def to_records(out: Path, samples: Iterable[Sample], opened: OpenedFaces, name: str = "train") -> dict[str, str]:
    """Write `<name>.rec`, `<name>.idx`, `property`; samples come grouped by label.

    Returns:
        SHA-256 of the files by their names.
    """
    pairs = ((sample.label, sample.image) for sample in samples)
    write_face_records(out, pairs, opened.image_size, name, opened.pack_layout)
    return file_hashes(out, [out / file for file in (f"{name}.rec", f"{name}.idx", "property")])


def to_folder(out: Path, samples: Iterable[Sample], opened: OpenedFaces) -> dict[str, str]:
    """Write `<label:07d>/<number:07d>.jpg` (or the ending that the image has)."""
    width = key_width(len(opened.source))
    for sample in samples:
        folder = out / f"{sample.label:07d}"
        key = f"{sample.number:0{width}d}"
        folder.mkdir(exist_ok=True)
        (folder / (key + image_suffix(sample.image, f"image {key}"))).write_bytes(sample.image)
    return {}


def to_shards(
    out: Path, samples: Iterable[Sample], opened: OpenedFaces, images_per_shard: int = 10_000
) -> dict[str, str]:
    """Write `faces-000000.tar`, ...

    Returns:
        SHA-256 of the shards by their names.
    """
    return file_hashes(out, write_shards(out, samples, len(opened.source), images_per_shard))


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder to write to, that becomes `out` when the block ends well; else nothing of it stays.

    Raises:
        DataError: `out` is there already and holds something.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"out={out} is there already ({found(out)}): delete it, or pass another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=out.parent) as unfinished:
        folder = Path(unfinished) / out.name
        folder.mkdir()
        yield folder
        if out.exists():
            out.rmdir()
        folder.rename(out)
