"""CALFW: LFW across age."""

from collections.abc import Sequence
from pathlib import Path

from marginface.benchmark.listed_pairs import ListedPairs
from marginface.data.pair_lists import ListedPair, Origin, read_two_line_pairs


class CALFW(ListedPairs):
    """Cross-Age LFW, 10 folds of 300 + 300 pairs.

    ``path`` is ``calfw.bin``, or a folder with ``pairs_CALFW.txt`` and the aligned images
    ``<images>/Aaron_Eckhart_0001.jpg``. The archive's own ``aligned images`` are cropped by its authors: align the
    originals as your model was trained, and put the results there or name another folder.

    Args:
        path: The ``.bin`` file, or the folder.
        images: Folder of the images, below ``path`` or absolute; None for ``aligned images``.
        on_missing: ``fail``, or ``exclude``, which leaves out the pairs with a missing image.
        num_folds: Number of folds that the list was made with.
        protocols: Names in :data:`marginface.metric.PROTOCOLS`.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        DataNotFoundError: There is nothing at ``path``.
        ValueError: ``on_missing`` is unknown.

    Source: Zheng et al., "Cross-Age LFW: A Database for Studying Cross-Age Face Recognition in Unconstrained
    Environments", 2017.
    """

    folder = "aligned images"
    origin = Origin(
        "CALFW",
        'Zheng et al., "Cross-Age LFW", 2017 (Beijing University of Posts and Telecommunications, whdeng.cn/CALFW)',
        "calfw.bin, or a folder with pairs_CALFW.txt and aligned images <images>/Aaron_Eckhart_0001.jpg",
    )

    def lists(self) -> Sequence[Path]:
        """Files of the original lists."""
        return [self.path / "pairs_CALFW.txt"]

    def listed(self) -> list[ListedPair]:
        """All pairs of ``pairs_CALFW.txt``."""
        return read_two_line_pairs(self.path / "pairs_CALFW.txt", self.num_folds)
