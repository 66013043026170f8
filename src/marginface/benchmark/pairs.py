"""Verification of image pairs, as in LFW, CFP-FP, AgeDB-30, CALFW and CPLFW."""

from collections.abc import Sequence
from pathlib import Path

from marginface.data.errors import DataNotFoundError
from marginface.data.pairs import FacePairs, read_pairs
from marginface.metric.verification import PairVerification


class PairBenchmark:
    """A pair list with the protocols to judge it by; a ``.bin`` file is read when it is first needed.

    Args:
        path: A ``.bin`` file of image pairs.
        pairs: Pairs in memory, instead of ``path``.
        num_folds: Number of contiguous folds that the list was made with (LFW: 10).
        protocols: Names in :data:`marginface.metric.protocol.PROTOCOLS`.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        ValueError: Both or neither of ``path`` and ``pairs``.
        DataNotFoundError: There is no file at ``path``.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        pairs: FacePairs | None = None,
        num_folds: int = 10,
        protocols: Sequence[str] = ("sphereface", "insightface", "strict"),
        fars: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4),
        num_bootstrap: int = 1000,
    ) -> None:
        if (path is None) == (pairs is None):
            raise ValueError(f"give either path or pairs, got path={path} and pairs={pairs and type(pairs).__name__}")
        if path is not None and not Path(path).is_file():
            raise DataNotFoundError(f"path={path} is no file: point it to a .bin file of image pairs")
        self.path = None if path is None else Path(path)
        self.num_folds = num_folds
        self.protocols = tuple(protocols)
        self.fars = tuple(fars)
        self.num_bootstrap = num_bootstrap
        self._pairs = pairs

    @property
    def pairs(self) -> FacePairs:
        """The pair list.

        Raises:
            PairsError: The file is not a pair list.
        """
        if self._pairs is None:
            assert self.path is not None
            self._pairs = read_pairs(self.path)
        return self._pairs

    @property
    def images(self) -> Sequence[bytes]:
        """Distinct encoded images; an image's place here is its index."""
        return self.pairs.images

    def metric(self) -> PairVerification:
        """A fresh metric of these pairs.

        Raises:
            ValueError: The pairs do not suit the settings (fewer pairs than folds, pairs of one class only).
        """
        return PairVerification(
            self.pairs.first,
            self.pairs.second,
            self.pairs.same,
            num_folds=self.num_folds,
            protocols=self.protocols,
            fars=self.fars,
            num_bootstrap=self.num_bootstrap,
        )
