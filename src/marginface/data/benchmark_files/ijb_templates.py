"""Templates of IJB-B and IJB-C: sets of images that stand for one subject together.

Shapes: N images, E memberships (an image in a template), T templates, M asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from marginface.data.alignment import AlignedFiles
from marginface.data.benchmark_files.ijb import Faces, IjbPack, Members
from marginface.data.errors import DataError
from marginface.data.found import is_there

ON_MISSING = ("fail", "exclude")


@dataclass(frozen=True, eq=False)
class Templates:
    """Images of all templates, each image once.

    Args:
        images: Aligned faces, N.
        score: Of the detector, (N,) float32.
        ids: Of the templates that have images, (T,) int64, rising.
        image: (E,) int64 place among the images.
        row: (E,) int64 place of the template among ``ids``.
        share: What the image counts in its medium, (E,) float64: one over the template's images of that medium.
        excluded: What was left out, by reason.
    """

    images: AlignedFiles
    score: NDArray[np.float32]
    ids: NDArray[np.int64]
    image: NDArray[np.int64]
    row: NDArray[np.int64]
    share: NDArray[np.float64]
    excluded: Mapping[str, int] = field(default_factory=dict)

    def rows_of(self, ids: NDArray[np.integer]) -> NDArray[np.int64]:
        """Place of each template among :attr:`ids`, (M,); -1 where it has no image."""
        place = np.searchsorted(self.ids, ids).clip(max=len(self.ids) - 1)
        return np.where(self.ids[place] == ids, place, -1)

    def first_image(self) -> NDArray[np.int64]:
        """An image of each template to show for it, (T,)."""
        _, first = np.unique(self.row, return_index=True)
        return np.asarray(self.image[first], np.int64)


def read_templates(pack: IjbPack, on_missing: str = "fail") -> Templates:
    """The templates of a pack.

    Args:
        pack: The lists.
        on_missing: What images without landmarks or without file do: ``fail``, or ``exclude`` and be counted.

    Raises:
        ValueError: An unknown ``on_missing``.
        DataNotFoundError: A list is missing, or an image under ``fail``.
        DataError: A damaged list, or an image without landmarks under ``fail``.
    """
    if on_missing not in ON_MISSING:
        raise ValueError(f"on_missing={on_missing!r} is unknown; choose one of {', '.join(ON_MISSING)}")
    members, faces = pack.members(), pack.faces()
    face = np.array([faces.row.get(name, -1) for name in members.names], np.int64)
    if on_missing == "fail" and (face < 0).any():
        raise DataError(
            f"{int((face < 0).sum())} of the {len(face)} images of {pack.list_path('face_tid_mid.txt')} have no row in "
            f"{pack.list_path('name_5pts_score.txt')}, the first is {members.names[int((face < 0).argmax())]}: "
            "add their landmarks, or leave the images out with on_missing=exclude"
        )
    no_file = np.zeros(len(face), np.bool_)
    if on_missing == "exclude":
        no_file = (face >= 0) & np.array([not is_there(pack.crops / name) for name in members.names])
    excluded = {"images without landmarks": int((face < 0).sum()), "images without a file": int(no_file.sum())}
    return _templates(pack, members, faces, np.where(no_file, -1, face), excluded)


def _templates(
    pack: IjbPack,
    members: Members,
    faces: Faces,
    face: NDArray[np.int64],
    excluded: dict[str, int],
) -> Templates:
    """Templates of the images whose row of ``faces`` is given, -1 for those left out, (N,)."""
    kept = np.flatnonzero(face >= 0)
    if not len(kept):
        raise DataError(f"no image of {pack.path} has both a file and landmarks: copy the pack again")
    place = np.full(len(face), -1)
    place[kept] = np.arange(len(kept))
    used = place[members.image] >= 0
    ids, row = np.unique(members.template[used], return_inverse=True)
    _, media = np.unique(members.media[used], return_inverse=True)
    _, same_media, count = np.unique(row * (media.max() + 1) + media, return_inverse=True, return_counts=True)
    names = [members.names[i] for i in kept]
    return Templates(
        images=AlignedFiles(pack.crops, names, faces.landmarks[face[kept]], f"{pack.edition}'s loose crops"),
        score=faces.score[face[kept]],
        ids=ids,
        image=place[members.image][used],
        row=row,
        share=1.0 / count[same_media],
        excluded={reason: number for reason, number in excluded.items() if number},
    )
