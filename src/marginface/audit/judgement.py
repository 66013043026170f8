"""From measurements to the images that should go.

Shapes: N images of the source, M intact ones.
"""

from collections.abc import Iterator, Sequence
from typing import SupportsInt

import numpy as np
from numpy.typing import NDArray

from marginface.audit.comparison import Comparison
from marginface.audit.duplicates import exact_groups
from marginface.audit.finding import Finding
from marginface.audit.scan import ImageScan
from marginface.audit.settings import AuditSettings


class Judgement:
    """Decides for each kind of finding which images go.

    Of equal images the one stays that agrees best with its class, of those the first: an image under a wrong label
    goes rather than its copy under the right one.

    Args:
        labels: Of all images of the source, (N,) int64.
        index: Numbers of the intact images, (M,) int64.
        scan: Of the images' bytes and pixels.
        found: What their embeddings say, by place among the intact ones.
        settings: Least cosines.
    """

    def __init__(
        self,
        labels: NDArray[np.int64],
        index: NDArray[np.int64],
        scan: ImageScan,
        found: Comparison,
        settings: AuditSettings,
    ) -> None:
        self._labels, self._index, self._scan, self._found, self._settings = labels, index, scan, found, settings
        self._own = np.full(len(labels), np.nan, np.float32)
        self._own[index] = found.own

    def findings(self) -> list[Finding]:
        """All of them, by image, then in the order of the reasons."""
        each = [*self.damaged(), *self.exact_duplicates(), *self.near_duplicates(), *self.label_noise()]
        return sorted([*each, *self.benchmark_overlap()], key=lambda finding: finding.index)

    def damaged(self) -> Iterator[Finding]:
        """Images that cannot be decoded, or are of another size."""
        for index in np.flatnonzero(~self._scan.intact):
            yield self._finding(index, "damaged", np.nan, -1, "no intact image of the set's size")

    def exact_duplicates(self) -> Iterator[Finding]:
        """All but one of the images with the same bytes."""
        for group in exact_groups(self._scan.digest):
            stays = group[self._by_trust(group)[0]]
            if not self._scan.intact[stays]:
                continue  # all of them go as damaged
            for index in group[group != stays]:
                yield self._finding(
                    index, "exact_duplicate", 1.0, stays, f"same bytes as image {stays}{self._of(stays)}"
                )

    def near_duplicates(self) -> Iterator[Finding]:
        """One of each pair of which neither went before, the most similar pair first."""
        near, gone = self._found.near, set[int]()
        for first, second, cosine in zip(self._index[near.first], self._index[near.second], near.cosine, strict=True):
            if gone.isdisjoint((int(first), int(second))):
                pair = np.array([first, second])
                stays, goes = pair[self._by_trust(pair)]
                gone.add(int(goes))
                why = f"looks like image {stays}{self._of(stays)}"
                yield self._finding(goes, "near_duplicate", cosine, stays, why)

    def label_noise(self) -> Iterator[Finding]:
        """Images that their class does not look like; not those whose two classes may be one person."""
        found, settings = self._found, self._settings
        size = np.bincount(self._labels[self._index])
        alike = set(zip(found.same.first.tolist(), found.same.second.tolist(), strict=True))
        best = dict(zip(found.classes.tolist(), self.examples().tolist(), strict=True))
        with np.errstate(invalid="ignore"):
            far = found.own < settings.own_cosine  # false for NaN: an only image has nothing to disagree with
            elsewhere = found.other_cosine >= found.own + settings.other_margin
        for place in np.flatnonzero(far | elsewhere):
            index, other, own = self._index[place], int(found.other[place]), found.own[place]
            label = int(self._labels[index])
            if not far[place] and (min(label, other), max(label, other)) in alike:
                continue
            why = f"{own:.3f} with " + ("the only other image of its class" if size[label] == 2 else "its own class")
            why += f", {found.other_cosine[place]:.3f} with class {other}" if other >= 0 else ""
            yield self._finding(index, "label_noise", own, best.get(other, -1), why)

    def benchmark_overlap(self) -> Iterator[Finding]:
        """All images of the classes that show a person of a benchmark, for the nearest benchmark."""
        nearest: dict[int, tuple[float, str, int]] = {}
        for name, overlap in self._found.overlap.items():
            for place in np.flatnonzero(overlap.cosine >= self._settings.benchmark_overlap):
                label, cosine = int(self._found.classes[place]), float(overlap.cosine[place])
                if label not in nearest or nearest[label][0] < cosine:
                    nearest[label] = (cosine, name, int(overlap.image[place]))
        for index in np.flatnonzero(np.isin(self._labels, list(nearest))):
            cosine, name, image = nearest[int(self._labels[index])]
            yield self._finding(index, "benchmark_overlap", cosine, -1, f"its class is like image {image} of {name}")

    def by_name(self, named: Sequence[int]) -> Iterator[Finding]:
        """All images of the classes that bear a benchmark's name."""
        for index in np.flatnonzero(np.isin(self._labels, named)):
            yield self._finding(
                index, "benchmark_name", np.nan, -1, "its class has the name of a person of a benchmark"
            )

    def examples(self) -> NDArray[np.int64]:
        """Number of the image of each class that agrees best with it."""
        trust = np.nan_to_num(self._found.own, nan=0.0)
        label = self._labels[self._index]
        order = np.lexsort((-trust, label))
        return self._index[order[np.unique(label[order], return_index=True)[1]]]

    def _by_trust(self, group: NDArray[np.int64]) -> NDArray[np.int64]:
        """Places of the group's images, the most credible label first; an only image of a class stands at zero."""
        return np.argsort(-np.nan_to_num(self._own[group], nan=0.0), kind="stable")

    def _of(self, index: int) -> str:
        return f" of class {self._labels[index]}"

    def _finding(self, index: SupportsInt, reason: str, score: float, other: SupportsInt, why: str) -> Finding:
        return Finding(int(index), int(self._labels[int(index)]), reason, float(score), int(other), why)
