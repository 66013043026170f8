"""Several sets of labelled faces as one.

Shapes: M samples, S sets.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataError
from marginface.data.read_ahead import ReadsAhead
from marginface.data.sampler.weighted import shares_of
from marginface.data.shared_arrays import SharesArrays
from marginface.data.source import FaceSource


class MixedFaces(SharesArrays):
    """The samples of several sources, one source after another.

    Args:
        root: Folder that holds the sets.
        sources: What opens each set, by its folder below `root`.
        labels: `separate`: a class of one set is no class of another. `shared`: classes of the same name are the same
            person; each source must know the names of its classes (`ImageFolder`, `ListFile`).
        weights: How often an image of each set is drawn, by the same folders, relative to one another; None shuffles
            all images alike.

    Attributes:
        labels: Class index of each sample, (M,) int64.
        num_classes: Number of identities of all sets.
        classes: Name of each identity with `shared`, else None.
        image_size: Height, width in pixels, the same in all sets.
        weights: (S,) as given, in the order of the sets, or None.

    Raises:
        ValueError: No source, an unknown `labels`, or weights that are not one positive number a set.
        DataError: The sets have images of different sizes, or no names to share.
    """

    def __init__(
        self,
        root: Path | str,
        sources: Mapping[str, Callable[[Path], FaceSource]],
        labels: str = "separate",
        weights: Mapping[str, float] | None = None,
    ) -> None:
        if not sources:
            raise ValueError("sources is empty: name at least one folder, and what opens it")
        if labels not in ("separate", "shared"):
            raise ValueError(f"labels={labels!r} is unknown; choose 'separate' or 'shared'")
        self.weights = None if weights is None else _in_order(weights, list(sources))
        opened = {str(name): make(Path(root, name)) for name, make in sources.items()}
        self.image_size = _one_size(opened)
        self._names, self._sources = list(opened), list(opened.values())
        self._ends = np.cumsum([len(source) for source in self._sources])
        self.classes: list[str] | None = None
        if labels == "shared":
            self.classes, self.labels = _share_classes(opened)
            self.num_classes = len(self.classes)
        else:
            offsets = np.cumsum([0, *(source.num_classes for source in self._sources)])
            self.num_classes = int(offsets[-1])
            self.labels = np.concatenate([s.labels + o for s, o in zip(self._sources, offsets[:-1], strict=True)])

    @property
    def parts(self) -> NDArray[np.int64]:
        """The set that each sample belongs to, (M,) in [0, S)."""
        return np.repeat(np.arange(len(self._sources)), [len(source) for source in self._sources])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def read(self, index: int) -> bytes:
        """Encoded image of sample `index`."""
        source, own = self._find(index)
        return source.read(own)

    def where(self, index: int) -> str:
        """Where sample `index` lies, in the words of its source."""
        source, own = self._find(index)
        return source.where(own)

    def read_ahead(self, indices: NDArray[np.int64]) -> None:
        """Have the system load samples (K,) that will be read soon, where their sources can."""
        parts = self._ends.searchsorted(indices, side="right")
        for part in np.unique(parts).tolist():
            source, start = self._sources[part], self._ends[part] - len(self._sources[part])
            if isinstance(source, ReadsAhead):
                source.read_ahead(indices[parts == part] - start)

    def _find(self, index: int) -> tuple[FaceSource, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"index {index}: the {len(self._sources)} sets have samples 0 to {len(self) - 1}.")
        part = int(self._ends.searchsorted(index, side="right"))
        return self._sources[part], int(index - (self._ends[part - 1] if part else 0))


def _in_order(weights: Mapping[str, float], names: Sequence[str]) -> list[float]:
    if set(weights) != set(names):
        raise ValueError(
            f"weights are of {', '.join(map(str, weights))}, but sources are {', '.join(map(str, names))}: give each "
            "source one weight, or none to any (weights=null)"
        )
    values = [weights[name] for name in names]
    shares_of(values)
    return values


def _one_size(sources: Mapping[str, FaceSource]) -> tuple[int, int]:
    sizes = {name: tuple(source.image_size) for name, source in sources.items()}
    if len(set(sizes.values())) > 1:
        stated = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise DataError(f"sets of different image sizes (height, width) cannot be mixed: {stated}. Align them alike.")
    height, width = next(iter(sizes.values()))
    return height, width


def _share_classes(sources: Mapping[str, FaceSource]) -> tuple[list[str], NDArray[np.int64]]:
    """Names of all classes, and each sample's number among them."""
    known = {name: _class_names(name, source) for name, source in sources.items()}
    classes = sorted(set().union(*known.values()))
    number = {name: place for place, name in enumerate(classes)}
    renumbered = [
        np.array([number[c] for c in known[name]], dtype=np.int64)[source.labels] for name, source in sources.items()
    ]
    return classes, np.concatenate(renumbered)


def _class_names(name: str, source: Any) -> list[str]:
    names = getattr(source, "classes", None)
    if names is None:
        raise DataError(
            f"labels='shared' needs the names of the classes, and {name} ({type(source).__name__}) has none: choose "
            "labels='separate', or read it from folders or a list."
        )
    return list(names)
