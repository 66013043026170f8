"""A pack or a verification file to images that one can look at."""

from dataclasses import replace
from pathlib import Path

from marginface.data.pairs import read_pairs
from marginface.prepare.card import CARD_NAME, Card, read_card, write_card
from marginface.prepare.convert import convert_faces
from marginface.prepare.sample import image_suffix, key_width
from marginface.prepare.verification import pairs_card, pairs_card_path
from marginface.prepare.writing import whole_folder


def unpack_faces(root: Path | str, out: Path | str, progress: bool = True) -> Card:
    """Write `<label:07d>/<number:07d>.jpg` from a pack, or `images/` and `pairs.txt` from a verification file.

    Images keep their bytes; `pack_faces` and `pack_pairs` make the files again.

    Args:
        root: Folder with `train.rec`, `train.idx` and `property`; or a `.bin` file of insightface.
        out: Folder to write to; made if missing, must be empty. It appears only when it is complete.
        progress: Whether to show a progress bar.

    Returns:
        The data card, which lies beside the images.

    Raises:
        DataError: A file is damaged, or `out` is not empty.
    """
    root = Path(root)
    if root.suffix == ".bin":
        return _unpack_pairs(root, Path(out))
    return convert_faces(root, out, "folder", progress=progress, step="unpack")


def _unpack_pairs(path: Path, out: Path) -> Card:
    pairs = read_pairs(path)
    origin = read_card(pairs_card_path(path)) if pairs_card_path(path).is_file() else None
    width = key_width(len(pairs.images))
    with whole_folder(out) as folder:
        (folder / "images").mkdir()
        names = []
        for number, image in enumerate(pairs.images):
            names.append(f"images/{number:0{width}d}{image_suffix(image, f'{path}, image {number}')}")
            (folder / names[-1]).write_bytes(image)
        rows = zip(pairs.first.tolist(), pairs.second.tolist(), pairs.same.tolist(), strict=True)
        lines = [f"{names[first]}\t{names[second]}\t{int(same)}\n" for first, second, same in rows]
        (folder / "pairs.txt").write_text("".join(lines), encoding="utf-8")
        card = replace(pairs_card(pairs, origin), step="unpack")
        write_card(folder / CARD_NAME, card)
    return card
