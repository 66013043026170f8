"""A set of labelled faces in any of the layouts, opened for another one to be made.

Shapes: M images.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from marginface.data.decode import decode
from marginface.data.errors import DataError, DataNotFoundError, ImageDecodeError
from marginface.data.folder import ImageFolder
from marginface.data.found import found
from marginface.data.list_file import ListFile
from marginface.data.record.face_records import FaceRecords
from marginface.data.record.pack_layout import PackLayout, read_pack_layout
from marginface.data.source import FaceSource
from marginface.data.webdataset import TarShards
from marginface.prepare.card import Card, find_card
from marginface.prepare.identities import first_names
from marginface.prepare.sample import Sample


@dataclass(frozen=True)
class OpenedFaces:
    """A set and what is known about it.

    Attributes:
        source: The images with their labels.
        classes: Name of each class index, from before a step numbered them where that is known.
        image_size: (height, width) in pixels.
        pack_layout: Layout of the pack that the images are or once were in.
        card: Its data card; an empty one where it has none.
    """

    source: FaceSource
    classes: list[str]
    image_size: tuple[int, int]
    pack_layout: PackLayout
    card: Card

    def order(self, shuffle: int | None = None) -> NDArray[np.int64]:
        """Indices of all images grouped by label, (M,) int64; or mixed by this seed."""
        if shuffle is None:
            return np.argsort(self.source.labels, kind="stable")
        return np.random.default_rng(shuffle).permutation(len(self.source)).astype(np.int64)

    def used(self) -> NDArray[np.int64]:
        """Labels that have an image, ascending: their places are the new labels."""
        return np.unique(self.source.labels)

    def samples(self, shuffle: int | None = None, progress: bool = True) -> Iterator[Sample]:
        """All images as they are; labels without image are closed up. Numbers are those of the grouped order."""
        grouped = self.order()
        number = np.empty_like(grouped)
        number[grouped] = np.arange(1, len(grouped) + 1)
        labels = np.searchsorted(self.used(), self.source.labels)
        for index in self.indices(progress, shuffle):
            yield Sample(int(number[index]), int(labels[index]), self.source.read(index))

    def indices(self, progress: bool, shuffle: int | None = None) -> Iterator[int]:
        """The indices of :meth:`order` one by one, with a progress bar if wanted."""
        for index in tqdm(self.order(shuffle), unit=" images", disable=not progress):
            yield int(index)

    def describe(self, step: str) -> Card:
        """Beginning of the card of what is made from this set."""
        return Card(
            step,
            image_size=self.image_size,
            template=self.card.template,
            convention=self.card.convention,
            colour_order=self.card.colour_order,
            quality=self.card.quality,
            made_from={"faces": self.card.faces_sha256} if self.card.faces_sha256 else {},
            pack_layout=asdict(self.pack_layout),
        )


def open_faces(
    root: Path | str,
    images: Path | str | None = None,
    image_size: tuple[int, int] | None = None,
    name: str = "train",
) -> OpenedFaces:
    """Open whatever lies at a path: a list file, or a folder with a pack, with shards, or with a folder an identity.

    Args:
        root: The path. A list with the ending `.lst` has im2rec's `number<TAB>label<TAB>path` a line, others have
            `path label`.
        images: Folder that the paths of a list start from; None for the list's own.
        image_size: (height, width) in pixels; None for what `property` or the set's card states, else that of the first
            image that is intact.
        name: Name of the pack.

    Raises:
        DataNotFoundError: There is nothing, or nothing of that kind.
        DataError: It is damaged; its card is, or says that it is not finished.
    """
    root = Path(root)
    if root.is_file():
        layout = "lst" if root.suffix == ".lst" else "path_label"
        listed = ListFile(images or root.parent, root.absolute(), layout, check_files=False)
        return _opened(listed, listed.classes, find_card(root.parent), image_size)
    if (root / f"{name}.rec").is_file():
        records = FaceRecords(root, name)
        size = image_size or records.image_size
        return _opened(records, _numbered(root, records), find_card(root), size, read_pack_layout(root, name))
    if any(root.glob("*.tar")):
        shards = TarShards(root)
        return _opened(shards, _numbered(root, shards), find_card(root), image_size)
    if not root.is_dir():
        raise DataNotFoundError(f"root={root} is missing: pass a list file or the folder of a set.")
    try:
        folder = ImageFolder(root)
    except DataNotFoundError as error:
        raise DataNotFoundError(
            f"root={root}: expected {name}.rec, *.tar or one sub-folder an identity there; {found(root)}."
        ) from error
    numbered = folder.classes == [f"{label:07d}" for label in range(folder.num_classes)]  # by `to_folder`
    names = first_names(root, folder.classes) if numbered else folder.classes
    return _opened(folder, names, find_card(root), image_size)


def _numbered(root: Path, source: FaceSource) -> list[str]:
    """Names of the identities of a set that knows them by numbers only."""
    return first_names(root, [str(label) for label in range(source.num_classes)])


def _opened(
    source: FaceSource,
    classes: list[str],
    card: Card | None,
    stated: tuple[int, int] | None,
    layout: PackLayout | None = None,
) -> OpenedFaces:
    card = card or Card("unknown")
    size = stated or card.image_size or _first_size(source)
    if layout is None:
        layout = PackLayout(**card.pack_layout) if card.pack_layout else PackLayout()
    return OpenedFaces(source, classes, size, layout, card)


def _first_size(source: FaceSource) -> tuple[int, int]:
    """(height, width) of the first intact image."""
    for index in range(len(source)):
        try:
            height, width = decode(source.read(index), source.where(index)).shape[:2]
        except (ImageDecodeError, DataNotFoundError):
            continue  # whoever takes the images will tell
        return height, width
    raise DataError(f"none of the {len(source)} images is intact, the first is {source.where(0)}: check the folder")
