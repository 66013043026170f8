"""The lists of IJB-B and IJB-C as packed by insightface.

Shapes: N images, E memberships (an image in a template), T templates, P pairs.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.found import found
from marginface.data.text_table import TableBlock, TextTable

GALLERIES = {"ijbb": ("S1", "S2"), "ijbc": ("G1", "G2")}
_POINTS = tuple(f"{axis}{i}" for i in range(1, 6) for axis in "xy")


class Members(NamedTuple):
    """Which images make up which templates.

    Args:
        names: Distinct images, (N,), in the order of their first row.
        image: Place among the names, (E,) int64.
        template: Template id, (E,) int64.
        media: Still or video that the image comes from, (E,) int64.
    """

    names: list[str]
    image: NDArray[np.int64]
    template: NDArray[np.int64]
    media: NDArray[np.int64]


class Faces(NamedTuple):
    """What a detector found in each image.

    Args:
        row: Row of each image, by its name.
        landmarks: (N, 5, 2) float32, x and y in pixels of the image.
        score: Of the detector, (N,) float32.
    """

    row: dict[str, int]
    landmarks: NDArray[np.float32]
    score: NDArray[np.float32]


class TemplatePairs(NamedTuple):
    """Pairs to verify.

    Args:
        first: One template of each pair, (P,) int32.
        second: The other one, (P,) int32.
        same: Whether both show one subject, (P,) bool.
    """

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    same: NDArray[np.bool_]


class Subjects(NamedTuple):
    """Whom templates show; each template once.

    Args:
        template: (T,) int64, rising.
        subject: (T,) int64.
    """

    template: NDArray[np.int64]
    subject: NDArray[np.int64]


class IjbPack:
    """A folder with the lists and loose crops of one of the two benchmarks; a list is read when it is asked for.

    Args:
        path: The folder, such as ``IJB_release/IJBC``.
        edition: ``ijbb`` or ``ijbc``.

    Raises:
        ValueError: Another edition.
        DataNotFoundError: There is no such folder.

    Source: what insightface's ``recognition/arcface_torch/eval_ijbc.py`` and ``Evaluation/IJB/IJB_1N.py`` read.
    """

    def __init__(self, path: Path | str, edition: str) -> None:
        if edition not in GALLERIES:
            raise ValueError(f"edition={edition!r} is unknown; choose one of {', '.join(GALLERIES)}")
        self.path, self.edition = Path(path), edition
        if not self.path.is_dir():
            raise self._missing(f"path={self.path} is no folder")

    @property
    def crops(self) -> Path:
        """Folder of the images.

        Raises:
            DataNotFoundError: It is missing.
        """
        folder = self.path / "loose_crop"
        if not folder.is_dir():
            raise self._missing(f"{folder} is missing")
        return folder

    def list_path(self, name: str) -> Path:
        """Path of a list of the pack, such as ``face_tid_mid.txt``."""
        return self.path / "meta" / f"{self.edition}_{name}"

    @property
    def has_subjects(self) -> bool:
        """Whether the lists of 1:N are there: they alone know the subjects of templates."""
        return all(self.subject_list_path(name).is_file() for name in ("gallery1", "gallery2", "probes"))

    def members(self) -> Members:
        """Images of all templates.

        Raises:
            DataNotFoundError: The list is missing.
            DataError: A damaged row, or an image that is listed twice for a template.
        """
        blocks = list(self._table(self.list_path("face_tid_mid.txt"), ("img", "tid", "mid"), named=True).blocks())
        number: dict[str, int] = {}
        place = [number.setdefault(name, len(number)) for block in blocks for name in block.names]
        image, (template, media) = np.array(place, np.int64), _columns(blocks)
        order = np.lexsort((template, image))
        again = (np.diff(image[order]) == 0) & (np.diff(template[order]) == 0)
        if again.any():
            row = int(order[1:][again].min())
            raise DataError(
                f"{self.list_path('face_tid_mid.txt')} lists {int(again.sum())} images twice for one template, "
                f"the first is {list(number)[place[row]]} of template {template[row]} in line {row + 1}: "
                "delete the repeated rows"
            )
        return Members(list(number), image, template, media)

    def faces(self) -> Faces:
        """Landmarks and detector scores.

        Raises:
            DataNotFoundError: The list is missing.
            DataError: A damaged row, a number that is not finite, or an image that is listed twice.
        """
        table = self._table(self.list_path("name_5pts_score.txt"), ("img", *_POINTS, "score"), named=True, kind=float)
        row: dict[str, int] = {}
        blocks = []
        for block in table.blocks():
            for line, (name, finite) in enumerate(zip(block.names, np.isfinite(block.numbers).all(1), strict=True)):
                if name in row or not finite:
                    why = f"{name} is listed again" if name in row else f"{name} has numbers that are not finite"
                    raise table.refuse(block.line + line, why)
                row[name] = len(row)
            blocks.append(block.numbers.astype(np.float32))
        numbers = np.concatenate(blocks)
        return Faces(row, numbers[:, :10].reshape(-1, 5, 2), numbers[:, 10])

    def pairs(self) -> TemplatePairs:
        """Pairs to verify, as template ids.

        Raises:
            DataNotFoundError: The list is missing.
            DataError: A damaged row, or pairs of one kind only.
        """
        table = self._table(self.list_path("template_pair_label.txt"), ("tid1", "tid2", "label"))
        parts = []
        for block in table.blocks():
            fits = (block.numbers >= 0) & (block.numbers <= [2**31 - 1, 2**31 - 1, 1])
            if not fits.all():
                place = int((~fits.all(1)).argmax())
                raise table.refuse(
                    block.line + place, f"{block.numbers[place].tolist()} is no pair with a label 0 or 1"
                )
            parts.append(block.numbers.astype(np.int32))
        first, second, label = (np.concatenate([part[:, column] for part in parts]) for column in range(3))
        if label.min() == label.max():
            raise DataError(
                f"{table.path} holds pairs with label {label[0]} only: genuine and impostor pairs are needed"
            )
        return TemplatePairs(first, second, label == 1)

    def galleries(self) -> dict[str, Subjects]:
        """Enrolled templates of the two galleries.

        Raises:
            DataNotFoundError: A list is missing.
            DataError: A damaged row, or a template with two subjects.
        """
        return {name: self._subjects(name) for name in ("gallery1", "gallery2")}

    def probes(self) -> Subjects:
        """Templates to search for, of stills and frames mixed; raises as :meth:`galleries`."""
        return self._subjects("probes")

    def subject_list_path(self, name: str) -> Path:
        """Path of the list of ``gallery1``, ``gallery2`` or ``probes``."""
        first, second = GALLERIES[self.edition]
        files = {"gallery1": f"gallery_{first}", "gallery2": f"gallery_{second}", "probes": "probe_mixed"}
        return self.list_path(f"1N_{files[name]}.csv")

    def _subjects(self, name: str) -> Subjects:
        path = self.subject_list_path(name)
        table = self._table(path, ("TEMPLATE_ID", "SUBJECT_ID"), separator=b",", has_header=True, more_columns=True)
        template, subject = _columns(list(table.blocks()))  # a row an image: templates come again
        ids, first, back = np.unique(template, return_index=True, return_inverse=True)
        wrong = subject != subject[first][back]
        if wrong.any():
            row = int(wrong.argmax())
            raise table.refuse(
                row + 2,
                f"template {template[row]} has subject {subject[row]}, but subject {subject[first][back][row]} before; "
                f"{len(np.unique(template[wrong]))} template ids stand for two subjects",
            )
        return Subjects(ids, subject[first])

    def _table(self, path: Path, columns: tuple[str, ...], **options: object) -> TextTable:
        if not path.is_file():
            raise self._missing(f"{path} is missing")
        return TextTable(path, columns, **options)  # type: ignore[arg-type]

    def _missing(self, what: str) -> DataNotFoundError:
        first, second = GALLERIES[self.edition]
        return DataNotFoundError(
            f"{what}. {self.edition.upper()} comes from NIST by application, its lists and landmarks from insightface. "
            f"Expected below {self.path}: loose_crop/1.jpg ..., meta/{self.edition}_ + face_tid_mid.txt, "
            "name_5pts_score.txt, template_pair_label.txt (1:1), "
            f"1N_gallery_{first}.csv, 1N_gallery_{second}.csv, 1N_probe_mixed.csv (1:N). "
            f"What is there: {found(self.path)}; {found(self.path / 'meta')}"
        )


def _columns(blocks: list[TableBlock]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    numbers = np.concatenate([block.numbers for block in blocks])
    return np.ascontiguousarray(numbers[:, 0]), np.ascontiguousarray(numbers[:, 1])
