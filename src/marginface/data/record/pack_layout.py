"""What face packs of the same images may differ in, byte by byte."""

from dataclasses import dataclass
from pathlib import Path

from marginface.data.record.irheader import unpack
from marginface.data.record.recordio import RecordReader


@dataclass(frozen=True)
class PackLayout:
    """Free choices of whoever writes a pack; the defaults are those of insightface's `rec_builder.py`.

    Attributes:
        header_first: Whether the header record is the first of the file instead of the last.
        header_id2: Field `id2` of the header record.
        property_end: What follows the three numbers of `property`.
    """

    header_first: bool = False
    header_id2: int = 1
    property_end: str = "\n"


def read_pack_layout(root: Path | str, name: str = "train") -> PackLayout:
    """Layout of a pack, so that it can be written again with the same bytes.

    Args:
        root: Folder of the pack.
        name: Name of the pack.

    Returns:
        Its layout; the default where the pack has no header record.

    Raises:
        DataNotFoundError: A file is missing.
        RecordError: A file is damaged.
    """
    root = Path(root)
    reader = RecordReader(root / f"{name}.rec", root / f"{name}.idx")
    if 0 not in reader:
        return PackLayout()
    header, image = unpack(reader.read(0), f"{reader.rec}, key 0")
    if header.flag == 0 or image:
        return PackLayout()
    stated = (root / "property").read_bytes().decode(errors="replace")
    end = stated[len(stated.rstrip()) :]
    with (root / f"{name}.idx").open("rb") as file:
        first_key = int(file.readline().split()[0])
    return PackLayout(first_key == 0, header.id2, end)
