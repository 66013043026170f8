"""LFW: faces in the wild, View 2."""

from collections.abc import Sequence
from pathlib import Path

from marginface.benchmark.listed_pairs import ListedPairs
from marginface.data.pair_lists import ListedPair, Origin, read_lfw_pairs, read_wrong_pairs
from marginface.data.pairs import FacePairs


class LFW(ListedPairs):
    """Labeled Faces in the Wild, 10 folds of 300 + 300 pairs.

    ``path`` is ``lfw.bin``, or a folder with ``pairs.txt`` and the aligned images
    ``<images>/<name>/<name>_0001.jpg``. The archive of images unpacks to a folder ``lfw``: put ``pairs.txt`` beside
    it and set ``images: lfw``, or inside and keep ``images: .``.

    Some pairs of LFW carry a wrong label, which caps its accuracy. No list of them comes with marginface, as we could
    verify none. With one of yours in ``noise`` those pairs are left out and counted, and the figures are no longer
    comparable with published ones. It has a pair on each line: its number, from 1 in the order of ``pairs.txt`` (which
    is that of ``lfw.bin``), or, with a folder, its line of ``pairs.txt``; lines that begin with ``#`` are comments.

    Args:
        path: The ``.bin`` file, or the folder.
        images: Folder of the images, below ``path`` or absolute.
        on_missing: ``fail``, or ``exclude``, which leaves out the pairs with a missing image.
        noise: File of the pairs that are known to be wrongly labelled; None leaves out none.
        num_folds: Number of folds that the list was made with.
        protocols: Names in :data:`marginface.metric.PROTOCOLS`.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        DataNotFoundError: There is nothing at ``path``.
        ValueError: ``on_missing`` is unknown.

    Source: Huang et al., "Labeled Faces in the Wild", University of Massachusetts, 2007; the protocol "unrestricted
    with labeled outside data" of Learned-Miller et al., 2014.
    """

    origin = Origin(
        "LFW",
        'Huang et al., "Labeled Faces in the Wild", 2007 (University of Massachusetts, vis-www.cs.umass.edu/lfw)',
        "lfw.bin, or a folder with pairs.txt and aligned images <images>/<name>/<name>_0001.jpg",
    )

    def __init__(
        self,
        path: Path | str,
        images: str = ".",
        on_missing: str = "fail",
        noise: Path | str | None = None,
        num_folds: int = 10,
        protocols: Sequence[str] = ("sphereface", "insightface", "strict"),
        fars: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4),
        num_bootstrap: int = 1000,
    ) -> None:
        super().__init__(path, images, on_missing, num_folds, protocols, fars, num_bootstrap)
        self.noise = None if noise is None else Path(noise)

    def lists(self) -> Sequence[Path]:
        """Files of the original lists."""
        return [self.path / "pairs.txt"]

    def listed(self) -> list[ListedPair]:
        """All pairs of ``pairs.txt``."""
        return read_lfw_pairs(self.path / "pairs.txt")

    def read(self) -> FacePairs:
        """The pairs from ``path``, without those that are left out."""
        pairs = super().read()
        if self.noise is None:
            return pairs
        listed = None if self.path.is_file() else self.listed()
        num_pairs = len(pairs) if listed is None else len(listed)
        wrong = read_wrong_pairs(self.noise, num_pairs, listed)
        return self.leave_out(pairs, wrong, "pairs known to be wrongly labelled")
