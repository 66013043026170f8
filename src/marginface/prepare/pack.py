"""Labelled images to a pack as MXNet and insightface read it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from marginface.data.errors import DataError, DataNotFoundError, ImageDecodeError
from marginface.prepare.card import CARD_NAME, Card, write_card
from marginface.prepare.convert import finished_card
from marginface.prepare.failures import Failure, count_kinds, write_failures
from marginface.prepare.fitting import WrongSizeError, fit_image
from marginface.prepare.identities import write_identities
from marginface.prepare.opened import OpenedFaces, open_faces
from marginface.prepare.sample import Sample
from marginface.prepare.tally import Tally
from marginface.prepare.writing import to_records

_KINDS = {WrongSizeError: "other size", ImageDecodeError: "no intact image", DataNotFoundError: "missing file"}


def pack_faces(
    root: Path | str,
    out: Path | str,
    images: Path | str | None = None,
    image_size: tuple[int, int] | None = None,
    quality: int = 95,
    resize: bool = False,
    name: str = "train",
    progress: bool = True,
) -> Card:
    """Write `<name>.rec`, `<name>.idx` and `property` from a folder of images or a list file.

    Every image is decoded. JPEGs of the right size keep their bytes, other images are encoded. What cannot be used is
    left out and listed in `failures.csv`; identities that lose all images are closed up, and `identities.csv` says
    which label each has. A folder that `unpack_faces` made gives the bytes of its pack again.

    Args:
        root: Folder with one sub-folder an identity, or a list with `path label` a line (`.lst` as im2rec writes it).
        out: Folder to write to; made if missing. A pack of that name in it is replaced.
        images: Folder that the paths of a list start from; None for the list's own.
        image_size: (height, width) in pixels; None for what the set's card states, else that of the first
            intact image.
        quality: JPEG quality of the images that are encoded.
        resize: Whether images of another size are resized; otherwise they are left out.
        name: Name of the pack.
        progress: Whether to show a progress bar.

    Returns:
        The data card, which lies beside the pack.

    Raises:
        DataError: The set is damaged, or no image can be used.
    """
    out = Path(out)
    size = None if image_size is None else (image_size[0], image_size[1])
    opened = open_faces(root, images, size)
    tally, usable = Tally(), _Usable(opened, quality, resize, progress)
    out.mkdir(parents=True, exist_ok=True)
    (out / CARD_NAME).unlink(missing_ok=True)  # of what is replaced now
    if (first := next(usable, None)) is None:
        write_failures(out, usable.failures)
        raise DataError(
            f"root={root}: none of its {len(opened.source)} images can be used: {usable.failures[0].detail}"
        )
    files = to_records(out, tally.watch(chain([first], usable)), opened, name)
    write_identities(out, usable.names)
    write_failures(out, usable.failures)
    card = replace(
        finished_card(opened, tally, "pack", out, files),
        quality=quality if usable.num_encoded else opened.card.quality,
        num_encoded=usable.num_encoded,
        dropped=count_kinds(usable.failures),
    )
    write_card(out / CARD_NAME, card)
    return card


class _Usable(Iterator[Sample]):
    """Images of a set that fit, grouped by identity, with labels that have no gap."""

    def __init__(self, opened: OpenedFaces, quality: int, resize: bool, progress: bool) -> None:
        self.failures: list[Failure] = []
        self.names: list[str] = []
        self.num_encoded = 0
        self._opened, self._quality, self._resize = opened, quality, resize
        self._samples = self._fitted(progress)

    def __next__(self) -> Sample:
        return next(self._samples)

    def _fitted(self, progress: bool) -> Iterator[Sample]:
        source, last = self._opened.source, -1
        for number, index in enumerate(self._opened.indices(progress), 1):
            where = source.where(index)
            try:
                fitted = fit_image(source.read(index), where, self._opened.image_size, self._quality, self._resize)
            except tuple(_KINDS) as error:
                self.failures.append(Failure(where, _KINDS[type(error)], str(error)))
                continue
            label = int(source.labels[index])
            if label != last:
                last = label
                self.names.append(self._opened.classes[label])
            self.num_encoded += fitted.encoded
            yield Sample(number, len(self.names) - 1, fitted.image)
