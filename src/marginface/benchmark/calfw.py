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

    Arguments, defaults and errors are those of :class:`ListedPairs`; ``images: null`` is ``aligned images``.

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
