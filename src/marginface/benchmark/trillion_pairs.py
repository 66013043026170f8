"""Trillion Pairs: every photo of celebrities against more than a million strangers."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from marginface.benchmark.base import Benchmark, FeatureFiles
from marginface.benchmark.trillion_pairs_outcome import trillion_pairs_outcome
from marginface.benchmark.usable import require_usable
from marginface.data.benchmark_files.feature_file import map_matrix, write_matrix
from marginface.data.benchmark_files.trillion_pairs_lists import read_file_list, read_labels
from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.found import found, is_there
from marginface.data.image_set import ImageFiles
from marginface.embedding import Embeddings
from marginface.metric.bootstrap import check_bootstrap
from marginface.outcome import Outcome
from marginface.outcome.rare_accepts import check_rates

ON_MISSING = ("fail", "exclude")
_CHUNK = 4096  # rows of a submission made at a time
_LAYOUT = (
    "expected are testdata_lmk.txt with a path a line, the aligned faces that it names below testdata/, and, to score, "
    "a list of labels. DeepGlint seems to hand the data out no more, nor to score submissions (unconfirmed): use a "
    "local copy"
)


class TrillionPairs(Benchmark, FeatureFiles):
    """Photos of celebrities (ELFW, 274 thousand) as probes, faces from Flickr (DELFW, 1.58 million) as gallery.

    Verification, ``tpr@fpr=1e-9``: the share of genuine pairs, those of two probes of one identity, with a score above
    the threshold at which at most that share of the impostor pairs is accepted; impostor pairs are each probe with
    each face of the gallery, 0.4 trillion.

    Identification, ``identification_tpr@fpr=1e-3``: each probe is searched in the gallery. At the threshold, at most
    that share of the probes finds a stranger with a score above it. Then each photo of the probe's identity is put into
    the gallery in turn, and the pair counts as found if its score is above both the threshold and those of all
    strangers.

    The organisers' page is offline. Confirmed are the names of the two measures, their rates, and that every pair of
    probe and gallery counts (Deng et al., "ArcFace", 2019). How exactly genuine pairs enter, and that
    an identification must also be at rank 1, is not: the definitions here are the usual ones of open-set identification
    (unconfirmed). The organisers' labels are not public; a list of one's own is needed for scoring.

    Args:
        path: Folder of the data.
        file_list: Name of the list of images, in the order of the submission.
        image_folder: Folder of the aligned images, below ``path``.
        labels: Name of the list of labels; None only writes submissions.
        identification_fprs: False positive rates of identification as fractions.
        fprs: False positive rates of verification as fractions.
        on_missing: ``fail``, or ``exclude`` to leave out images that are not there, which a submission must not.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        DataNotFoundError: There is no folder at ``path``.
        ValueError: A setting is out of range.

    Source: DeepGlint, "Trillion Pairs", 2018; ``gen_image_feature.py`` of github.com/deepinsight/insightface and
    ``eval_deepglint_merge.py`` of github.com/wujiyang/Face_Pytorch for the submission.
    """

    def __init__(
        self,
        path: Path | str,
        file_list: str = "testdata_lmk.txt",
        image_folder: str = "testdata",
        labels: str | None = None,
        identification_fprs: Sequence[float] = (1e-3,),
        fprs: Sequence[float] = (1e-9, 1e-8),
        on_missing: str = "fail",
        num_bootstrap: int = 1000,
    ) -> None:
        if on_missing not in ON_MISSING:
            raise ValueError(f"on_missing={on_missing} is unknown: choose {' or '.join(ON_MISSING)}")
        check_rates("identification_fprs", identification_fprs)
        check_rates("fprs", fprs)
        check_bootstrap(num_bootstrap, 0.95)
        if not Path(path).is_dir():
            raise DataNotFoundError(f"Trillion Pairs is not at path={path}: {found(Path(path).parent)}; {_LAYOUT}")
        self.path, self.on_missing, self.num_bootstrap = Path(path), on_missing, num_bootstrap
        self.file_list, self.image_folder = self.path / file_list, self.path / image_folder
        self.labels = None if labels is None else self.path / labels
        self.identification_fprs, self.fprs = tuple(identification_fprs), tuple(fprs)

    @cached_property
    def listed(self) -> list[str]:
        """All images of the file list.

        Raises:
            DataNotFoundError: It is missing.
            DataError: It is damaged.
        """
        if not self.file_list.is_file():
            raise DataNotFoundError(f"file_list={self.file_list} is missing: {found(self.path)}; {_LAYOUT}")
        return read_file_list(self.file_list)

    @cached_property
    def kept(self) -> NDArray[np.int64]:
        """Numbers of the listed images that take part, rising."""
        if self.on_missing == "fail":
            return np.arange(len(self.listed))
        return np.flatnonzero([is_there(self.image_folder / name) for name in self.listed])

    @cached_property
    def images(self) -> ImageFiles:
        """Probes and gallery in the order of the file list.

        Raises:
            DataNotFoundError: The list or an image is missing.
            DataError: The list is damaged.
        """
        return ImageFiles(self.image_folder, self._names(), "Trillion Pairs")

    def check(self) -> None:
        """Refuse lists that give no outcome; without labels there may still be a submission.

        Raises:
            DataNotFoundError: A list is missing.
            DataError: A list is damaged, or its labels leave nothing to compare.
        """
        if not len(self.kept):
            raise DataError(f"none of the {len(self.listed)} images is in {self.image_folder}: {found(self.path)}")
        if self.labels is not None:
            self._identity()

    def require_truth(self) -> None:
        """Refuse to score without labels.

        Raises:
            DataError: There are none.
        """
        if self.labels is None:
            raise DataError(
                "labels=null: scoring Trillion Pairs needs a label list with the identity of each image (-1 for the "
                "gallery), as the organisers' is not public; to write a submission instead, set export=PATH"
            )

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Identification and verification.

        Raises:
            DataError: There are no labels.
            ValueError: Embeddings of other images, or such that are not finite.
        """
        self.require_truth()
        require_usable(embeddings, self._names())
        num_missing = len(self.listed) - len(self.kept)
        return trillion_pairs_outcome(
            embeddings,
            torch.from_numpy(self._identity()),
            identification_fprs=self.identification_fprs,
            fprs=self.fprs,
            num_bootstrap=self.num_bootstrap,
            excluded={"missing images": num_missing} if self.on_missing == "exclude" else {},
        )

    def read_features(self, path: str) -> Embeddings:
        """Embeddings from a submission, read from the disk where they are looked at.

        Raises:
            DataError: The file is missing or damaged, or has not a row for each image of the file list.
        """
        rows = map_matrix(Path(path))
        if len(rows) != len(self.listed):
            raise DataError(
                f"{path} has {len(rows)} rows, {self.file_list} names {len(self.listed)} images: one is wrong"
            )
        if len(self.kept) < len(rows):
            rows = rows[self.kept]
        return Embeddings(rows[:, None])

    def write_features(self, embeddings: Embeddings, path: str) -> None:
        """Write a submission: a row of unit length an image, its views merged, in the order of the file list.

        Raises:
            DataError: Images of the list are left out.
            ValueError: There is not an embedding for each image.
        """
        if len(self.kept) < len(self.listed):
            raise DataError(
                f"{len(self.listed) - len(self.kept)} of {len(self.listed)} images are missing: a submission has a row "
                "for each, put them there"
            )
        if len(embeddings) != len(self.listed):
            raise ValueError(
                f"there are {len(embeddings)} embeddings for {len(self.listed)} images of {self.file_list}"
            )
        rows = embeddings.unit()
        parts = (rows[start : start + _CHUNK].numpy() for start in range(0, len(rows), _CHUNK))
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_matrix(Path(path), (len(rows), rows.dim), parts)

    def _names(self) -> list[str]:
        return self.listed if len(self.kept) == len(self.listed) else [self.listed[number] for number in self.kept]

    def _identity(self) -> NDArray[np.int64]:
        """Labels of the images that take part, checked."""
        assert self.labels is not None
        identity = read_labels(self.labels, len(self.listed))[self.kept]
        probes = identity[identity >= 0]
        num_gallery, has_pair = len(identity) - len(probes), len(np.unique(probes)) < len(probes)
        if not num_gallery or not has_pair:
            two = "with" if has_pair else "without"
            raise DataError(
                f"{self.labels} leaves {len(probes)} probes {two} a pair of one identity, and {num_gallery} faces of "
                "the gallery (-1): both genuine pairs and a gallery are needed"
            )
        return identity
