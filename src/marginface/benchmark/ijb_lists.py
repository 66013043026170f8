"""The pairs, galleries and probes of IJB-B and IJB-C, as rows of the templates that have images.

Shapes: T templates, P pairs, G genuine pairs, M asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from marginface.benchmark.ijb_identification import Enrolled
from marginface.benchmark.ijb_verification import Genuine
from marginface.data.benchmark_files.ijb import IjbPack, Subjects, TemplatePairs
from marginface.data.benchmark_files.ijb_templates import Templates
from marginface.data.errors import DataError


@dataclass(frozen=True, eq=False)
class Verification:
    """What 1:1 needs.

    Args:
        pairs: As rows of templates.
        genuine: How the genuine pairs are grouped.
        excluded: What was left out, by reason.
    """

    pairs: TemplatePairs
    genuine: Genuine
    excluded: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Identification:
    """What 1:N needs.

    Args:
        galleries: By name.
        probes: What is searched for.
        excluded: What was left out, by reason.
    """

    galleries: Mapping[str, Enrolled]
    probes: Enrolled
    excluded: Mapping[str, int]


def read_verification(pack: IjbPack, templates: Templates, on_missing: str) -> Verification:
    """Pairs to verify, grouped by the subject of their first template, or by that template where no list tells it.

    Raises:
        DataError: A list is missing or damaged; a pair names a template without images under ``fail``, or every pair
            of one kind does.
    """
    listed = pack.pairs()
    path = pack.list_path("template_pair_label.txt")
    first, second = (_rows(ids, templates, path, on_missing) for ids in (listed.first, listed.second))
    kept = (first >= 0) & (second >= 0)
    pairs = TemplatePairs(first[kept], second[kept], listed.same[kept])
    if pairs.same.all() or not pairs.same.any():
        raise DataError(f"{path}: without images of their templates, no genuine or no impostor pair is left")
    template = templates.ids[pairs.first[pairs.same]]
    subject = _subjects_of(template, pack) if pack.has_subjects else None
    genuine = Genuine(template, "templates") if subject is None else Genuine(subject, "identities")
    return Verification(pairs, genuine, _counted("pairs with a template without images", int((~kept).sum())))


def read_identification(pack: IjbPack, templates: Templates, on_missing: str) -> Identification:
    """Galleries and probes.

    Raises:
        DataError: A list is missing or damaged; a template stands in two of them, or has no images under ``fail``;
            or no probe has a mate in one of the galleries.
    """
    lists = {**pack.galleries(), "probes": pack.probes()}
    ids, times = np.unique(np.concatenate([part.template for part in lists.values()]), return_counts=True)
    if (times > 1).any():
        raise DataError(
            f"{int((times > 1).sum())} template ids stand in more than one of the galleries and probes of {pack.path}, "
            f"the first is {ids[times > 1][0]}: a probe would find itself; mend the lists"
        )
    enrolled: dict[str, Enrolled] = {}
    excluded: dict[str, int] = {}
    for name, part in lists.items():
        row = _rows(part.template, templates, pack.subject_list_path(name), on_missing)
        excluded |= _counted(f"templates of {name} without images", int((row < 0).sum()))
        enrolled[name] = Enrolled(*(torch.from_numpy(a[row >= 0].astype(np.int64)) for a in (row, part.subject)))
    probes = enrolled.pop("probes")
    for name, gallery in enrolled.items():
        if not bool(torch.isin(probes.subject, gallery.subject).any()):
            raise DataError(
                f"{pack.subject_list_path(name)}: no probe shows a subject of it, of {len(probes.row)} probes and "
                f"{len(gallery.row)} templates with images: copy the lists again"
            )
    return Identification(enrolled, probes, excluded)


def _rows(ids: NDArray[np.integer], templates: Templates, path: Path, on_missing: str) -> NDArray[np.int32]:
    """Row of each template, (M,), -1 for those without images."""
    row = templates.rows_of(ids).astype(np.int32)
    lacking = row < 0
    if on_missing == "fail" and lacking.any():
        raise DataError(
            f"{path} names {len(np.unique(ids[lacking]))} templates without images, the first is {ids[lacking][0]}: "
            "copy face_tid_mid.txt again, or leave them out with on_missing=exclude"
        )
    return row


def _subjects_of(template: NDArray[np.int64], pack: IjbPack) -> NDArray[np.int64] | None:
    """Subject of each template, (M,); None where the lists of 1:N do not name them all."""
    parts = [*pack.galleries().values(), pack.probes()]
    known = Subjects(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    order = np.argsort(known.template, kind="stable")
    place = np.searchsorted(known.template, template, sorter=order).clip(max=len(order) - 1)
    found = order[place]
    return known.subject[found] if (known.template[found] == template).all() else None


def _counted(what: str, count: int) -> dict[str, int]:
    return {what: count} if count else {}
