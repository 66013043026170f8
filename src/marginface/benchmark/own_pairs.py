"""Verification of pairs of one's own images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from marginface.benchmark.listed_pairs import ListedPairs
from marginface.data.folder import ImageFolder
from marginface.data.image_set import ImageFiles
from marginface.data.pair_lists import ListedPair, Origin
from marginface.data.pair_lists.paths import LAYOUTS, read_path_pairs
from marginface.data.pair_sampling import draw_pairs
from marginface.data.pairs import FacePairs


class OwnPairs(ListedPairs):
    """Pairs of images in a folder, from a text list or drawn from the people's folders, judged as LFW's pairs are.

    A list names the fold of each pair in its last column, or is cut into contiguous folds as it stands; folds that
    share people make accuracies look better. Without a list, images are expected in ``<path>/<person>/*.jpg``, and
    pairs are drawn, half of them genuine, in folds that share nobody. Faces are aligned and of the size that the model
    takes.

    Args:
        path: Folder of the images.
        pairs: List of pairs, below ``path`` or absolute, with paths below ``path``; None draws pairs.
        layout: Of the list: ``paths_label`` (``path1 path2 label [fold]``) or ``label_paths`` (``label path1 path2
            [fold]``), label 1 for one person, 0 for two.
        num_folds: Number of folds.
        num_pairs: Pairs to draw, a multiple of ``2 * num_folds``; a list has no use for it.
        seed: Seed of the draw.
        on_missing: ``fail``, or ``exclude``, which leaves out the pairs with a missing image.
        protocols: Names in :data:`marginface.metric.PROTOCOLS`.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        ValueError: An unknown word.
        DataNotFoundError: There is no such folder or list.
    """

    origin = Origin(
        "A set of your own",
        "yourself",
        "a folder of aligned images with a list of pairs, or with <person>/<image> to draw pairs from",
    )

    def __init__(
        self,
        path: Path | str,
        pairs: Path | str | None = None,
        layout: str = "paths_label",
        num_folds: int = 10,
        num_pairs: int = 6000,
        seed: int = 0,
        on_missing: str = "fail",
        protocols: Sequence[str] = ("sphereface", "insightface", "strict"),
        fars: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4),
        num_bootstrap: int = 1000,
    ) -> None:
        if layout not in LAYOUTS:
            raise ValueError(f"layout={layout!r} is unknown; choose one of {', '.join(LAYOUTS)}")
        super().__init__(path, ".", on_missing, num_folds, protocols, fars, num_bootstrap)
        if not self.path.is_dir():
            raise self.origin.absent(self.path, f"path={path} is no folder")
        self.list = None if pairs is None else self.path / pairs
        if self.list is not None and not self.list.is_file():
            raise self.origin.absent(self.path, f"pairs={pairs} is no file below {self.path}")
        self.layout, self.num_pairs, self.seed = layout, num_pairs, seed

    def lists(self) -> Sequence[Path]:
        """The list of pairs, if there is one."""
        return [] if self.list is None else [self.list]

    def listed(self) -> list[ListedPair]:
        """All pairs of the list, fold by fold."""
        assert self.list is not None
        return read_path_pairs(self.list, self.layout, self.num_folds)

    def read(self) -> FacePairs:
        """The pairs of the list, without those that are left out; without a list the drawn ones."""
        return self._drawn() if self.list is None else super().read()

    def _drawn(self) -> FacePairs:
        faces = ImageFolder(self.path)
        first, second, same = draw_pairs(faces.labels, self.num_pairs, self.seed, self.num_folds)
        used, place = np.unique(np.stack([first, second]), return_inverse=True)
        names = [Path(faces.where(int(i))).relative_to(faces.root).as_posix() for i in used]
        first, second = place.reshape(2, -1)
        return FacePairs(ImageFiles(self.path, names, str(self.path)), first, second, same)
