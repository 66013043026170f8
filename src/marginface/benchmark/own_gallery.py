"""Identification with a gallery and probes of one's own, some of them perhaps of people who are not in the gallery.

Shapes: N images, M gallery images, C people in the gallery, G gallery rows, Q probes, D embedding.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from marginface.benchmark.base import Benchmark
from marginface.benchmark.usable import require_usable
from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.folder import ImageFolder
from marginface.data.found import found
from marginface.data.image_set import ImageFiles
from marginface.embedding import Embeddings
from marginface.matching import Rows, row_tops
from marginface.metric.bootstrap import check_bootstrap
from marginface.outcome import Outcome
from marginface.outcome.all_pairs import all_pairs_outcome
from marginface.outcome.joined import joined
from marginface.outcome.open_set import open_set_outcome
from marginface.outcome.ranking import Searches, check_ranks, hardest_searches, ranking_outcome, search

POOLINGS = ("mean", "best")
_CHUNK = 4096  # images pooled at a time


class Gallery(NamedTuple):
    """What probes are searched in.

    Args:
        rows: (G, D) unit rows.
        identity: Of each row, (G,) int64.
        image: To show for each row, (G,) int64.
    """

    rows: Rows
    identity: Tensor
    image: Tensor


class OwnGallery(Benchmark):
    """Closed-set and open-set identification, and verification of all probes with the whole gallery.

    Layout: ``<path>/gallery/<person>/*.jpg`` and ``<path>/probe/<person>/*.jpg``, faces aligned and of the size that
    the model takes; who has the same folder name is the same person. Probes of people without a gallery folder make
    the set open; a closed set supports no TPIR. Figures: ``rank-k``, ``tpir@fpir=...``, ``tar@far=...``.

    Args:
        path: Folder with the two.
        pooling: ``mean``: a person is the mean of the gallery images' features, as the network gives them, and ranks
            count people. ``best``: every gallery image is compared by itself, a person scores as the best image does,
            and ranks count images of others.
        ranks: Ranks to report.
        fpirs: False positive identification rates as fractions.
        fars: False accept rates as fractions.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        ValueError: A setting out of range.
        DataNotFoundError: There are no such folders.
    """

    def __init__(
        self,
        path: Path | str,
        pooling: str = "mean",
        ranks: Sequence[int] = (1, 5, 10),
        fpirs: Sequence[float] = (1e-2, 1e-1),
        fars: Sequence[float] = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
        num_bootstrap: int = 1000,
    ) -> None:
        if pooling not in POOLINGS:
            raise ValueError(f"pooling={pooling!r} is unknown: choose one of {', '.join(POOLINGS)}")
        check_ranks(ranks)
        check_bootstrap(num_bootstrap, 0.95)
        for name, rates in (("fpirs", fpirs), ("fars", fars)):
            if not all(0 < rate <= 1 for rate in rates):
                raise ValueError(f"{name}={list(rates)}: a rate is a fraction above 0, at most 1")
        self.path = Path(path)
        if not all((self.path / part).is_dir() for part in ("gallery", "probe")):
            raise DataNotFoundError(
                f"path={path} must hold gallery/<person>/<image> and probe/<person>/<image>, but {found(self.path)}"
            )
        self.pooling, self.ranks, self.num_bootstrap = pooling, tuple(ranks), num_bootstrap
        self.fpirs, self.fars = tuple(fpirs), tuple(fars)

    @cached_property
    def images(self) -> ImageFiles:
        """Gallery, then probes."""
        root = self.path.absolute()
        names = [
            Path(part.where(i)).relative_to(root).as_posix()
            for part in (self._gallery, self._probe)
            for i in range(len(part))
        ]
        return ImageFiles(root, names, "the gallery and the probes")

    @property
    def identities(self) -> tuple[Tensor, Tensor]:
        """Person of each gallery image, (M,), from 0 to C - 1, and of each probe, (Q,); C and above has no mate."""
        number = {name: c for c, name in enumerate(self._gallery.classes)}
        absent = len(number)
        person = [number.get(name, absent + c) for c, name in enumerate(self._probe.classes)]
        return torch.from_numpy(self._gallery.labels), torch.tensor(person)[torch.from_numpy(self._probe.labels)]

    def check(self) -> None:
        """Refuse folders that have nobody in common.

        Raises:
            DataError: A person without image, or no person with both gallery images and probes.
        """
        if not set(self._gallery.classes) & set(self._probe.classes):
            raise DataError(
                f"{self.path}: nobody has folders both in gallery ({self._gallery.classes[0]}, ...) and in probe "
                f"({self._probe.classes[0]}, ...): give a person's two folders the same name"
            )

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Ranks, open-set identification, verification, and the probes taken for somebody else."""
        self.check()
        require_usable(embeddings, self.images.names)
        gallery = self.gallery(embeddings)
        num_images = len(self._gallery)
        identity = self.identities[1]
        probe = num_images + torch.arange(len(identity))
        has_mate = identity < self._gallery.num_classes
        searches = search(embeddings, probe[has_mate], identity[has_mate], gallery.rows, gallery.identity)
        parts = (
            ranking_outcome(searches, len(gallery.identity), ranks=self.ranks, num_bootstrap=self.num_bootstrap),
            self._open_set(searches, embeddings, probe[~has_mate], gallery),
            all_pairs_outcome(
                embeddings.unit(probe),
                identity,
                gallery.rows,
                gallery.identity,
                fars=self.fars,
                num_bootstrap=self.num_bootstrap,
            ),
        )
        hardest = hardest_searches(searches, embeddings, gallery.rows, gallery.identity, gallery.image)
        return replace(joined(parts), hardest=hardest)

    def gallery(self, embeddings: Embeddings) -> Gallery:
        """What probes are searched in: a row a person, or a row an image."""
        person = self.identities[0]
        image = torch.arange(len(person))
        if self.pooling == "best":
            return Gallery(embeddings.unit(image), person, image)
        total = torch.zeros(self._gallery.num_classes, embeddings.unit().dim, dtype=torch.float64)
        for part in torch.split(image, _CHUNK):
            total.index_add_(0, person[part], embeddings.merged(part).double())
        # of unit length in the end, hence the sums do for the means
        pooled = Embeddings(total.float().numpy()[:, None], "none", embeddings.device)
        first = torch.searchsorted(person, torch.arange(len(total)))
        return Gallery(pooled.unit(), torch.arange(len(total)), first)

    def _open_set(self, searches: Searches, embeddings: Embeddings, absent: Tensor, gallery: Gallery) -> Outcome:
        """Open-set identification, ``absent`` being the probes without a mate."""
        candidate = torch.empty(0)
        if len(absent):
            candidate = row_tops(embeddings.unit(absent), gallery.rows, num_kept=1).score[0, :, 0]
        return open_set_outcome(
            searches.score,
            searches.rank == 1,
            searches.identity,
            candidate,
            fpirs=self.fpirs,
            num_bootstrap=self.num_bootstrap,
        )

    @cached_property
    def _gallery(self) -> ImageFolder:
        return ImageFolder(self.path / "gallery")

    @cached_property
    def _probe(self) -> ImageFolder:
        return ImageFolder(self.path / "probe")
