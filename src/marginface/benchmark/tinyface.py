"""TinyFace: identification of people in native low-resolution images, among many distractors.

Shapes: Q probes, M gallery images of probes' identities, S distractors.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from marginface.benchmark.base import Benchmark
from marginface.benchmark.usable import require_usable
from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.found import found
from marginface.data.image_names import image_names
from marginface.data.image_set import ImageFiles
from marginface.embedding import Embeddings
from marginface.outcome import Outcome
from marginface.outcome.ranking import check_ranks, hardest_searches, ranking_outcome, search

PUBLISHED = {"Gallery_Match": 4443, "Gallery_Distractor": 153_428, "Probe": 3728}
"""Images in each folder of the test set."""


class TinyFace(Benchmark):
    """Every probe is searched for among the gallery images of all probes' identities, and all distractors.

    Layout: ``<path>/<folder>/{Gallery_Match,Gallery_Distractor,Probe}``, faces resized or aligned to the size that the
    model takes. Identities are read from the names ``<identity>_<number>.jpg`` in Gallery_Match and Probe; the ``.mat``
    lists that come with the data are not read. Every distractor counts as a person of its own.
    Figures: ``rank-1``, ``rank-5``, ``rank-20``; each gallery image is ranked by itself, and a probe is found by its
    best mate.

    Args:
        path: Folder of the data.
        folder: Folder of the test set below ``path``; ``.`` where there is none between.
        ranks: Ranks to report.
        num_bootstrap: Number of resamples of an interval.
        on_missing: ``fail`` where images of the published set are missing, or a probe has no mate; ``exclude`` to score
            what is there, the rest being counted.

    Raises:
        ValueError: A setting out of range.
        DataNotFoundError: There are no such folders.

    Source: Cheng, Zhu and Gong, "Low-Resolution Face Recognition", ACCV 2018.
    """

    def __init__(
        self,
        path: Path | str,
        folder: str = "Testing_Set",
        ranks: Sequence[int] = (1, 5, 20),
        num_bootstrap: int = 1000,
        on_missing: str = "fail",
    ) -> None:
        if on_missing not in ("fail", "exclude"):
            raise ValueError(f"on_missing={on_missing!r} is unknown: choose fail or exclude")
        check_ranks(ranks)
        self.path, self.root = Path(path), Path(path) / folder
        absent = [name for name in PUBLISHED if not (self.root / name).is_dir()]
        if absent:
            raise DataNotFoundError(
                f"{self.root} has no folder {', '.join(absent)}, but {found(self.root)}: get TinyFace from "
                "qmul-tinyface.github.io and point path to the folder that holds "
                "Testing_Set/{Gallery_Match,Gallery_Distractor,Probe}"
            )
        self.ranks, self.num_bootstrap, self.on_missing = tuple(ranks), num_bootstrap, on_missing

    @cached_property
    def images(self) -> ImageFiles:
        """Gallery, distractors, then probes."""
        return ImageFiles(self.root, [name for part in self._names.values() for name in part], "TinyFace")

    @property
    def excluded(self) -> Mapping[str, int]:
        """What is missing from the published set, or cannot be searched for, by reason."""
        number = {name: len(part) for name, part in self._listed.items()}
        counts = {f"missing images of {name}": published - number[name] for name, published in PUBLISHED.items()}
        counts["probes without a mate in the gallery"] = number["Probe"] - len(self._names["Probe"])
        return {reason: count for reason, count in counts.items() if count > 0}

    def check(self) -> None:
        """Refuse an incomplete set, unless ``on_missing`` is ``exclude``.

        Raises:
            DataNotFoundError: Images are missing, or the mates of probes.
            DataError: A name without identity.
        """
        if self.on_missing == "fail" and self.excluded:
            raise DataNotFoundError(
                f"{self.root} is not the published set: {_in_words(self.excluded)}; expected {_in_words(PUBLISHED)}. "
                "Copy the rest, or set on_missing=exclude to score what is there and have the rest counted"
            )
        if not self._names["Probe"]:
            raise DataNotFoundError(f"{self.root}: no image in Probe has a mate in Gallery_Match: copy the data again")

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Identification rates, their curve, and the probes taken for somebody else."""
        self.check()
        require_usable(embeddings, self.images.names)
        gallery_identity, identity = self.identities
        gallery_image = torch.arange(len(gallery_identity))
        probe = len(gallery_identity) + torch.arange(len(identity))
        gallery = embeddings.unit(gallery_image)
        searches = search(embeddings, probe, identity, gallery, gallery_identity)
        return replace(
            ranking_outcome(searches, len(gallery_image), ranks=self.ranks, num_bootstrap=self.num_bootstrap),
            hardest=hardest_searches(searches, embeddings, gallery, gallery_identity, gallery_image),
            excluded=self.excluded,
        )

    @property
    def identities(self) -> tuple[Tensor, Tensor]:
        """Identity of each gallery row, (M + S,), and of each probe, (Q,); distractors have numbers below 0."""
        match, probe = (
            torch.tensor([self._identity(name) for name in self._names[part]], dtype=torch.int64)
            for part in ("Gallery_Match", "Probe")
        )
        return torch.cat([match, -1 - torch.arange(len(self._names["Gallery_Distractor"]))]), probe

    @cached_property
    def _listed(self) -> dict[str, list[str]]:
        return {part: [f"{part}/{name}" for name in image_names(self.root / part)] for part in PUBLISHED}

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        """Images that are used, by folder."""
        known = {self._identity(name) for name in self._listed["Gallery_Match"]}
        return self._listed | {"Probe": [name for name in self._listed["Probe"] if self._identity(name) in known]}

    def _identity(self, name: str) -> int:
        number = re.match(r"(\d+)_", Path(name).name)
        if number is None:
            raise DataError(f"{self.root / name}: expected the name <identity>_<number>.jpg, identity a whole number")
        return int(number[1])


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {number}" for name, number in counts.items())
