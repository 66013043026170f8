"""CPLFW: LFW across pose."""

from collections.abc import Sequence
from pathlib import Path

from marginface.benchmark.listed_pairs import ListedPairs
from marginface.data.pair_lists import ListedPair, Origin, read_two_line_pairs


class CPLFW(ListedPairs):
    """Cross-Pose LFW, 10 folds of 300 + 300 pairs.

    ``path`` is ``cplfw.bin``, or a folder with ``pairs_CPLFW.txt`` and the aligned images
    ``<images>/Aaron_Eckhart_1.jpg``. The archive's own ``aligned images`` are cropped by its authors: align the
    originals as your model was trained, and put the results there or name another folder.

    Arguments, defaults and errors are those of :class:`ListedPairs`; ``images: null`` is ``aligned images``.

    Source: Zheng and Deng, "Cross-Pose LFW: A Database for Studying Cross-Pose Face Recognition in Unconstrained
    Environments", 2018.
    """

    folder = "aligned images"
    origin = Origin(
        "CPLFW",
        'Zheng and Deng, "Cross-Pose LFW", 2018 (Beijing University of Posts and Telecommunications, whdeng.cn/CPLFW)',
        "cplfw.bin, or a folder with pairs_CPLFW.txt and aligned images <images>/Aaron_Eckhart_1.jpg",
    )

    def lists(self) -> Sequence[Path]:
        """Files of the original lists."""
        return [self.path / "pairs_CPLFW.txt"]

    def listed(self) -> list[ListedPair]:
        """All pairs of ``pairs_CPLFW.txt``."""
        return read_two_line_pairs(self.path / "pairs_CPLFW.txt", self.num_folds)
