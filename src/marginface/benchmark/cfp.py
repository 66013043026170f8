"""CFP: frontal faces against frontal or profile ones."""

from collections.abc import Sequence
from pathlib import Path

from marginface.benchmark.listed_pairs import ListedPairs
from marginface.data.pair_lists import ListedPair, Origin, read_cfp_pairs

SPLITS = ("FF", "FP")


class CFP(ListedPairs):
    """Celebrities in Frontal-Profile, 10 folds of 350 + 350 pairs, frontal-frontal (FF) or frontal-profile (FP).

    ``path`` is ``cfp_ff.bin`` or ``cfp_fp.bin``, or the folder that the archive unpacks to: ``Protocol`` with
    ``Pair_list_F.txt``, ``Pair_list_P.txt`` and ``Split/<split>/01..10/{same,diff}.txt``, and the aligned images
    ``<images>/001/frontal/01.jpg``, ``<images>/001/profile/01.jpg``.

    The FF lists state 130 pairs a second time with the images swapped; these count twice, as in published figures.

    Args:
        path: The ``.bin`` file, or the folder.
        split: ``FF`` or ``FP``; of a folder. A ``.bin`` holds one of them.
        images: Folder of the images, below ``path`` or absolute.
        on_missing: ``fail``, or ``exclude``, which leaves out the pairs with a missing image.
        num_folds: Number of folds that the lists were made with.
        protocols: Names in :data:`marginface.metric.PROTOCOLS`.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        DataNotFoundError: There is nothing at ``path``.
        ValueError: ``split`` or ``on_missing`` is unknown.

    Source: Sengupta et al., "Frontal to Profile Face Verification in the Wild", WACV 2016.
    """

    origin = Origin(
        "CFP",
        'Sengupta et al., "Frontal to Profile Face Verification in the Wild", WACV 2016 (www.cfpw.io)',
        "cfp_ff.bin or cfp_fp.bin, or a folder with Protocol/Pair_list_F.txt, Protocol/Pair_list_P.txt, "
        "Protocol/Split/{FF,FP}/01..10/{same,diff}.txt and aligned images <images>/001/{frontal,profile}/01.jpg",
    )

    def __init__(
        self,
        path: Path | str,
        split: str = "FP",
        images: str = "Data/Images",
        on_missing: str = "fail",
        num_folds: int = 10,
        protocols: Sequence[str] = ("sphereface", "insightface", "strict"),
        fars: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4),
        num_bootstrap: int = 1000,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"split={split!r} is unknown; choose one of {', '.join(SPLITS)}")
        super().__init__(path, images, on_missing, num_folds, protocols, fars, num_bootstrap)
        self.split = split

    def lists(self) -> Sequence[Path]:
        """Files and folders of the original lists."""
        protocol = self.path / "Protocol"
        return [*(protocol / f"Pair_list_{view}.txt" for view in self.split), protocol / "Split" / self.split]

    def listed(self) -> list[ListedPair]:
        """All pairs of the split."""
        return read_cfp_pairs(self.path / "Protocol", self.split, self.num_folds)
