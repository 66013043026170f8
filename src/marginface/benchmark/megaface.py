"""MegaFace challenge 1: recognition of known faces among up to a million strangers."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from marginface.benchmark.base import Benchmark, FeatureFiles
from marginface.benchmark.megaface_features import read_photo_features, write_photo_features
from marginface.benchmark.megaface_identification import best_distractors, both_ways, match_curve, within_rank
from marginface.benchmark.megaface_photos import MegaFacePhotos, read_photos
from marginface.benchmark.usable import require_usable
from marginface.data.benchmark_files.megaface_distractors import SUBSETS, read_distractors
from marginface.data.errors import DataNotFoundError
from marginface.data.found import found
from marginface.data.image_set import ImageFiles
from marginface.embedding import Embeddings
from marginface.matching import PairScores, genuine_scores, top_impostors
from marginface.metric import Interval, far_name, groups_bootstrap
from marginface.metric.bootstrap import check_bootstrap
from marginface.outcome import HardPair, Line, Outcome, Units
from marginface.outcome.rare_accepts import (
    RareAccepts,
    check_rates,
    far_figures,
    hard_pairs,
    num_to_keep,
    rare_accepts,
)

PROBES = ("facescrub", "fgnet")
SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
ON_MISSING = ("fail", "exclude")
_LAYOUT = (
    "expected are devkit/templatelists/facescrub_features_list.json, devkit/templatelists/"
    "megaface_features_list.json_1000000_1 and the aligned faces that they name below facescrub_images/ and "
    "megaface_images/. The University of Washington seems to hand the data out no more (unconfirmed): use a local copy"
)


class MegaFace(Benchmark, FeatureFiles):
    """Identification and verification of FaceScrub or FG-NET photos against distractors from Flickr.

    Identification: of a probe identity with M photos, each photo in turn is in the gallery and each of the other M - 1
    is a probe; ``rank-1@distractors=1e6`` is the share of these M (M - 1) pairs, over all identities, whose score is
    above those of all distractors; a tie counts against the probe. Photos of other probe identities are not in the
    gallery (the development kit's ``cmc``, not its ``traditional_cmc``).

    Verification: ``tar@far=1e-6`` is the share of the genuine pairs among probes with a score above the threshold, at
    which at most that share of the impostor pairs is accepted. Impostor pairs are each probe with each distractor of
    the largest list; no pair of two probes is among them. All are counted; the ROC that the development kit writes
    moves in steps of 1e-8 (as posted in github.com/deepinsight/insightface, issue 409), so it seems to use about 1e8 of
    3.5e9 (unconfirmed), and interpolates.

    Noise lists: noisy photos are left out and counted. ArcFace's procedure keeps them instead: a noisy distractor gets
    a 513th dimension that no probe is close in, which for ranks is the same as leaving it out, and sizes keep the names
    of their lists here too; for the false accept rate it remains an impostor pair that is never accepted. A noisy probe
    becomes the centre of its identity plus a jitter of 0.001 there, so that nearly all of its pairs are hits; here it
    counts nowhere, hence these figures are slightly lower.

    Args:
        path: Folder of the data.
        probe: ``facescrub``, or ``fgnet`` for recognition across ages.
        sizes: Numbers of distractors, rising; the list of the largest one must be there.
        set_number: Which of the official samples of distractors.
        subsets: ``lists``: each size has the list of its own that the development kit has; ``prefix``: it is the
            beginning of the list of the largest one.
        list_folder: Folder of the lists, below ``path``.
        probe_list: Name of the list of probes there; None is ``facescrub_features_list.json`` or
            ``fgnet_features_list.json``. Copies spell the latter ``fgnet_feature_list.json`` too.
        probe_images: Folder of the probes, below ``path``; None is ``facescrub_images`` or ``fgnet_images``.
        distractor_images: Folder of the distractors, below ``path``.
        probe_noises: File that names noisy probes, below ``path``; None takes all probes.
        distractor_noises: File that names noisy distractors, below ``path``; None takes all of them.
        fars: False accept rates as fractions.
        algorithm: Name in the feature files ``<photo>_<algorithm>.bin``.
        on_missing: ``fail``, or ``exclude`` to leave out photos without an image.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        DataNotFoundError: There is no folder at ``path``.
        ValueError: A setting is out of range.

    Source: Kemelmacher-Shlizerman et al., "The MegaFace Benchmark: 1 Million Faces for Recognition at Scale", 2016,
    section 4; Deng et al., "ArcFace", 2019, and github.com/deepinsight/insightface, ``src/megaface``, for the noise.
    """

    def __init__(
        self,
        path: Path | str,
        probe: str = "facescrub",
        sizes: Sequence[int] = SIZES,
        set_number: int = 1,
        subsets: str = "lists",
        list_folder: str = "devkit/templatelists",
        probe_list: str | None = None,
        probe_images: str | None = None,
        distractor_images: str = "megaface_images",
        probe_noises: str | None = None,
        distractor_noises: str | None = None,
        fars: Sequence[float] = (1e-6, 1e-5, 1e-4, 1e-3),
        algorithm: str = "marginface",
        on_missing: str = "fail",
        num_bootstrap: int = 1000,
    ) -> None:
        _check_choice("probe", probe, PROBES)
        _check_choice("subsets", subsets, SUBSETS)
        _check_choice("on_missing", on_missing, ON_MISSING)
        check_rates("fars", fars)
        check_bootstrap(num_bootstrap, 0.95)
        if not sizes or list(sizes) != sorted(set(sizes)) or min(sizes) < 1:
            raise ValueError(f"sizes={list(sizes)} must be numbers of distractors that rise, such as [10, 1000000]")
        if not algorithm or "/" in algorithm:
            raise ValueError(f"algorithm={algorithm!r} becomes a part of file names: use letters and digits")
        if not Path(path).is_dir():
            raise DataNotFoundError(f"MegaFace is not at path={path}: {found(Path(path).parent)}; {_LAYOUT}")
        self.path, self.probe, self.sizes = Path(path), probe, tuple(sizes)
        self.set_number, self.subsets, self.list_folder = set_number, subsets, self.path / list_folder
        self.probe_list = self.list_folder / (probe_list or f"{probe}_features_list.json")
        self.probe_images, self.distractor_images = probe_images or f"{probe}_images", distractor_images
        self.probe_noises, self.distractor_noises = probe_noises, distractor_noises
        self.fars, self.algorithm = tuple(fars), algorithm
        self.on_missing, self.num_bootstrap = on_missing, num_bootstrap

    @cached_property
    def photos(self) -> MegaFacePhotos:
        """What takes part.

        Raises:
            DataNotFoundError: A list is missing.
            DataError: A list is damaged, or nothing is left to compare.
        """
        if not self.list_folder.is_dir():
            raise DataNotFoundError(f"list_folder={self.list_folder} is missing: {found(self.path)}; {_LAYOUT}")
        exclude = self.on_missing == "exclude"
        return read_photos(
            self.probe_list,
            read_distractors(self.list_folder, self.sizes, self.set_number, self.subsets),
            probe_noises=None if self.probe_noises is None else self.path / self.probe_noises,
            distractor_noises=None if self.distractor_noises is None else self.path / self.distractor_noises,
            probe_images=self.path / self.probe_images if exclude else None,
            distractor_images=self.path / self.distractor_images if exclude else None,
        )

    @cached_property
    def images(self) -> ImageFiles:
        """Probes, then distractors.

        Raises:
            DataNotFoundError: A list or an image is missing.
            DataError: A list is damaged.
        """
        names = self._names(self.probe_images, self.distractor_images)
        return ImageFiles(self.path, names, f"MegaFace ({self.probe})")

    def check(self) -> None:
        """Refuse lists that give no outcome; images are not looked for, as feature files do without them.

        Raises:
            DataNotFoundError: A list is missing.
            DataError: A list is damaged, or nothing is left to compare.
        """
        _ = self.photos

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Rank-1 at each size, the cumulative match characteristic at the largest, TAR at each FAR.

        Raises:
            ValueError: Embeddings of other photos, or such that are not finite.
        """
        require_usable(embeddings, self._names(self.probe, "megaface"))
        photos, num_probes = self.photos, len(self.photos.probe)
        whole = num_probes + torch.arange(photos.distractors.num_whole)
        pairs = genuine_scores(embeddings.unit(torch.arange(num_probes)), torch.from_numpy(photos.identity))
        units, match = self._identification(embeddings, both_ways(pairs), whole)
        rates = {name: self._mean(unit) for name, unit in units.items()}
        rare, hardest = self._verification(embeddings, pairs, whole)
        short = {_rank_name(size): why for size, why in photos.distractors.unsupported.items()}
        return Outcome(
            figures=rates | rare.figures,
            units=units | rare.units,
            roc={} if rare.roc is None else {"": rare.roc},
            cmc={f"{len(whole)} distractors": match},
            lines={"rank-1 over distractors": _line(list(photos.distractors.subset), rates)} if rates else {},
            thresholds=rare.thresholds,
            hardest=hardest,
            unsupported=short | rare.unsupported,
            excluded=photos.excluded,
        )

    def read_features(self, path: str) -> Embeddings:
        """Embeddings from a file an image below ``path``, see `marginface.benchmark.megaface_features`.

        Raises:
            DataError: Files are missing or damaged, or of another dimension than the first.
        """
        return read_photo_features(Path(path), self._names(self.probe, "megaface"), self.algorithm)

    def write_features(self, embeddings: Embeddings, path: str) -> None:
        """Write a file an image below ``path``, for the development kit too."""
        write_photo_features(embeddings, Path(path), self._names(self.probe, "megaface"), self.algorithm)

    def _names(self, probe_folder: str, distractor_folder: str) -> list[str]:
        """All photos in order, each below the folder of its kind."""
        probes = [f"{probe_folder}/{path}" for path in self.photos.probe]
        return probes + [f"{distractor_folder}/{path}" for path in self.photos.distractors.path]

    def _identification(
        self, embeddings: Embeddings, pairs: PairScores, whole: Tensor
    ) -> tuple[dict[str, Units], Sequence[float]]:
        """Rank-1 of each pair of probe and mate at each size, and the match curve among the photos ``whole``."""
        num_probes, identity = len(self.photos.probe), torch.from_numpy(self.photos.identity)
        subset = {size: num_probes + torch.from_numpy(rows) for size, rows in self.photos.distractors.subset.items()}
        probes = embeddings.unit(torch.arange(num_probes))
        *best, best_of_all = best_distractors(probes, embeddings, [*subset.values(), whole])
        group = identity[pairs.query].numpy()
        units = {
            _rank_name(size): Units(within_rank(pairs, top, 1).numpy(), group)
            for size, top in zip(subset, best, strict=True)
        }
        return units, match_curve(pairs, best_of_all)

    def _verification(
        self, embeddings: Embeddings, pairs: PairScores, whole: Tensor
    ) -> tuple[RareAccepts, list[HardPair]]:
        """True accept rates where the photos ``whole`` are impostors, and the pairs that are most wrong."""
        image, identity = torch.arange(len(self.photos.probe)), torch.from_numpy(self.photos.identity)
        nobody = torch.full((len(whole),), -1)
        num_kept = num_to_keep(self.fars, len(image) * len(whole))
        top = top_impostors(embeddings.unit(image), identity, embeddings.unit(whole), nobody, num_kept=num_kept)
        names = far_figures("tar@far", self.fars)
        rare = rare_accepts(pairs.score, identity[pairs.query], top, names, self.num_bootstrap)
        return rare, hard_pairs(top, pairs, image, whole)

    def _mean(self, unit: Units) -> Interval:
        value, identity = (torch.from_numpy(part) for part in unit)
        return groups_bootstrap(value, identity, over="identities", num_bootstrap=self.num_bootstrap)


def _rank_name(size: int) -> str:
    return f"rank-1@distractors={far_name(size)}"


def _line(sizes: Sequence[int], rates: Mapping[str, Interval]) -> Line:
    rank_1 = [rates[_rank_name(size)].value for size in sizes]
    return Line("distractors", "rank-1 identification rate", sizes, rank_1, log_x=True)


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name}={value} is unknown: choose {' or '.join(known)}")
