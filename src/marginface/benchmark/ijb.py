"""IJB-B and IJB-C: verification and identification of sets of images."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from marginface.benchmark.base import Benchmark
from marginface.benchmark.ijb_identification import identification_outcome
from marginface.benchmark.ijb_lists import Identification, Verification, read_identification, read_verification
from marginface.benchmark.ijb_templates import template_embeddings
from marginface.benchmark.ijb_verification import pair_scores, verification_outcome
from marginface.data.benchmark_files.ijb import IjbPack
from marginface.data.benchmark_files.ijb_templates import ON_MISSING, Templates, read_templates
from marginface.data.image_set import ImageSet
from marginface.embedding import FLIPS, Embeddings
from marginface.metric.bootstrap import check_bootstrap
from marginface.outcome import Outcome
from marginface.outcome.joined import joined
from marginface.outcome.ranking import check_ranks
from marginface.outcome.rare_accepts import check_rates


class IJB(Benchmark):
    """Templates of stills and video frames, compared in listed pairs (1:1) and searched for in galleries (1:N).

    Reads the packing of insightface: ``meta/`` with lists, landmarks and detector scores, ``loose_crop/`` with images,
    which are aligned by their landmarks as they are loaded. Figures of 1:1 are ``tar@far=...``; those of 1:N are
    ``gallery1/...``, ``gallery2/...``, ``mean/...`` (of the two) and ``joint/...`` (the union of both galleries).
    Intervals are over identities; over templates where the subjects of the pairs are not known.

    Args:
        path: The folder, such as ``IJB_release/IJBC``.
        edition: ``ijbb`` or ``ijbc``.
        verification: Whether to do 1:1.
        identification: Whether to do 1:N.
        fars: False accept rates as fractions to report the true accept rate at.
        ranks: Ranks to report the identification rate at.
        fpirs: False positive identification rates as fractions to report the true positive identification rate at.
        flip: How the two views of an image are merged: ``sum``, ``concat`` or ``none``.
        use_detector_score: Whether the detector's score weighs the images of a template.
        on_missing: What images without file or landmarks do, and templates without any image: ``fail``, or
            ``exclude`` and be counted.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        ValueError: An unknown choice, both parts switched off, or rates and ranks out of range.
        DataNotFoundError: There is no folder at ``path``.
    """

    def __init__(
        self,
        path: Path | str,
        edition: str = "ijbc",
        verification: bool = True,
        identification: bool = True,
        fars: Sequence[float] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
        ranks: Sequence[int] = (1, 5, 10),
        fpirs: Sequence[float] = (1e-2, 1e-1),
        flip: str = "sum",
        use_detector_score: bool = True,
        on_missing: str = "fail",
        num_bootstrap: int = 1000,
    ) -> None:
        for name, choice, choices in (("flip", flip, FLIPS), ("on_missing", on_missing, ON_MISSING)):
            if choice not in choices:
                raise ValueError(f"{name}={choice!r} is unknown; choose one of {', '.join(choices)}")
        if not (verification or identification):
            raise ValueError("verification=false and identification=false leave nothing to do: switch one on")
        check_rates("fars", fars)
        check_rates("fpirs", fpirs)
        check_ranks(ranks)
        check_bootstrap(num_bootstrap, 0.95)
        self.pack = IjbPack(path, edition)
        self.verification, self.identification = verification, identification
        self.fars, self.ranks, self.fpirs = tuple(fars), tuple(ranks), tuple(fpirs)
        self.flip, self.use_detector_score = flip, use_detector_score
        self.on_missing, self.num_bootstrap = on_missing, num_bootstrap

    @cached_property
    def templates(self) -> Templates:
        """Images of all templates."""
        return read_templates(self.pack, self.on_missing)

    @property
    def images(self) -> ImageSet:
        """Distinct images, aligned as they are loaded."""
        return self.templates.images

    def check(self) -> None:
        """Read all lists.

        Raises:
            DataError: A list is missing or damaged, or contradicts another.
        """
        _ = self._pairs if self.verification else None
        _ = self._searches if self.identification else None

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Figures of 1:1 and 1:N from embeddings of all images.

        Raises:
            ValueError: Embeddings of another number or not finite, or ``flip`` needs a view that they lack.
        """
        self.check()
        features = template_embeddings(embeddings, self.templates, self.flip, self.use_detector_score)
        parts = [Outcome(figures={}, excluded=self.templates.excluded)]
        if self.verification:
            parts.append(self._verify(features))
        if self.identification:
            parts.append(self._identify(features))
        return joined(parts)

    @cached_property
    def _pairs(self) -> Verification:
        return read_verification(self.pack, self.templates, self.on_missing)

    @cached_property
    def _searches(self) -> Identification:
        return read_identification(self.pack, self.templates, self.on_missing)

    def _verify(self, features: Embeddings) -> Outcome:
        listed = self._pairs
        return verification_outcome(
            pair_scores(features, listed.pairs.first, listed.pairs.second),
            listed.pairs,
            listed.genuine,
            self.templates.first_image(),
            fars=self.fars,
            num_bootstrap=self.num_bootstrap,
            excluded=listed.excluded,
        )

    def _identify(self, features: Embeddings) -> Outcome:
        listed = self._searches
        return identification_outcome(
            features,
            listed.probes,
            listed.galleries,
            ranks=self.ranks,
            fpirs=self.fpirs,
            num_bootstrap=self.num_bootstrap,
            excluded=listed.excluded,
        )
