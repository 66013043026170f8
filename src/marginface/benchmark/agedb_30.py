"""AgeDB-30: one person, thirty years apart."""

from collections.abc import Sequence
from pathlib import Path

from marginface.benchmark.listed_pairs import ListedPairs
from marginface.data.pair_lists import ListedPair, Origin, read_agedb_pairs


class AgeDB30(ListedPairs):
    """AgeDB's protocol of 30 years, 10 folds of 600 pairs.

    ``path`` is ``agedb_30.bin``, or a folder with ``agedb_30.txt`` and the aligned images
    ``<images>/0_MariaCallas_35_f.jpg``. The original list is a MATLAB file, which is not read here;
    :func:`marginface.data.pair_lists.read_agedb_pairs` says what the text holds, and how it is made from that file.

    Arguments, defaults and errors are those of :class:`ListedPairs`; ``images: null`` is ``03_Protocol_Images``.

    Source: Moschoglou et al., "AgeDB: the first manually collected, in-the-wild age database", CVPRW 2017.
    """

    folder = "03_Protocol_Images"
    origin = Origin(
        "AgeDB",
        'Moschoglou et al., "AgeDB", CVPRW 2017 (Imperial College London: ibug.doc.ic.ac.uk/resources/agedb)',
        "agedb_30.bin, or a folder with agedb_30.txt (the MATLAB splits as lines <image> <image> <1 or -1>) and "
        "aligned images <images>/0_MariaCallas_35_f.jpg",
    )

    def lists(self) -> Sequence[Path]:
        """Files of the lists."""
        return [self.path / "agedb_30.txt"]

    def listed(self) -> list[ListedPair]:
        """All pairs of ``agedb_30.txt``."""
        return read_agedb_pairs(self.path / "agedb_30.txt", self.num_folds)
