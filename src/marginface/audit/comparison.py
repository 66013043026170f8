"""All that an audit learns from embeddings.

Shapes: M images, C classes that have images, P pairs of classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from marginface.audit.centres import class_sums, own_cosines
from marginface.audit.duplicates import AlikePairs, near_pairs
from marginface.audit.neighbours import alike_classes
from marginface.audit.settings import AuditSettings
from marginface.embedding import Embeddings
from marginface.matching import row_tops, top_impostors


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """How near each class comes to the images of a benchmark.

    Args:
        cosine: Of the class's centre with the nearest image, (C,) float32.
        image: Number of that image in the benchmark, (C,) int64.
    """

    cosine: NDArray[np.float32]
    image: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the embeddings of a training set say about its labels.

    Args:
        classes: Labels that have images, rising, (C,) int64.
        own: Cosine of each image with the centre of the others of its class, (M,) float32; NaN for an only one.
        other: Label of the nearest other class, (M,) int64; -1 where there is none.
        other_cosine: Cosine with its centre, (M,) float32.
        near: Pairs of images that look the same, among those with bytes of their own.
        same: Pairs of classes that look the same.
        overlap: By benchmark.
        embedded: Whether there were embeddings to look at.
    """

    classes: NDArray[np.int64]
    own: NDArray[np.float32]
    other: NDArray[np.int64]
    other_cosine: NDArray[np.float32]
    near: AlikePairs
    same: AlikePairs
    overlap: Mapping[str, Overlap]
    embedded: bool = True


def without_embeddings(labels: NDArray[np.int64]) -> Comparison:
    """What is known of the images of these labels, (M,) int64, while nobody has embedded them: nothing."""
    none, pairs = np.empty(0, np.float32), np.empty((2, 0), np.int64)
    return Comparison(
        classes=np.unique(labels),
        own=np.full(len(labels), np.nan, np.float32),
        other=np.full(len(labels), -1, np.int64),
        other_cosine=np.full(len(labels), -np.inf, np.float32),
        near=AlikePairs(pairs[0], pairs[1], none, capped=False),
        same=AlikePairs(pairs[0], pairs[1], none, capped=False),
        overlap={},
        embedded=False,
    )


def compare(
    embeddings: Embeddings,
    labels: NDArray[np.int64],
    distinct: NDArray[np.int64],
    settings: AuditSettings,
    benchmarks: Mapping[str, Embeddings] | None = None,
) -> Comparison:
    """Compare images and classes with each other and with benchmarks; nothing of the size of a matrix is stored.

    Under several processes each calls it with the same arguments and gets the same outcome; they share the work.

    Args:
        embeddings: Of the training images.
        labels: Class of each, (M,) int64.
        distinct: Numbers of the images to look for near duplicates among, int64.
        settings: Least cosines and limits.
        benchmarks: Embeddings of the images of each, by the same model.
    """
    classes, contiguous = np.unique(labels, return_inverse=True)
    unit, label = embeddings.unit(), torch.from_numpy(contiguous.astype(np.int64))
    sums = class_sums(unit, label, len(classes))
    centres = functional.normalize(sums, dim=1)
    number, device = torch.arange(len(classes)), embeddings.device
    tops = row_tops(unit, centres, num_kept=1, query_identity=label, gallery_identity=number, device=device)
    nearest = tops.gallery[0, :, 0].numpy()
    allowed = None if settings.near_classes is None else alike_classes(centres, classes, settings.near_classes, device)
    near = near_pairs(embeddings, distinct, labels[distinct], settings.near_duplicate, settings.num_pairs, allowed)
    return Comparison(
        classes=classes,
        own=own_cosines(unit, label, sums).numpy(),
        other=np.where(nearest >= 0, classes[nearest], -1),
        other_cosine=tops.score[0, :, 0].numpy(),
        near=near,
        same=_same_classes(centres, classes, settings, device),
        overlap={name: _overlap(centres, each, device) for name, each in (benchmarks or {}).items()},
    )


def _same_classes(
    centres: Tensor, classes: NDArray[np.int64], settings: AuditSettings, device: torch.device
) -> AlikePairs:
    if len(classes) < 2:
        none = np.empty(0, np.int64)
        return AlikePairs(none, none, np.empty(0, np.float32), capped=False)
    number = torch.arange(len(classes))
    tops = top_impostors(centres, number, num_kept=settings.num_pairs, device=device)
    reach = (tops.score >= settings.same_identity).numpy()
    return AlikePairs(
        first=classes[tops.query.numpy()[reach]],
        second=classes[tops.gallery.numpy()[reach]],
        cosine=tops.score.numpy()[reach],
        capped=int(reach.sum()) >= settings.num_pairs,
    )


def _overlap(centres: Tensor, benchmark: Embeddings, device: torch.device) -> Overlap:
    tops = row_tops(centres, benchmark.unit(), num_kept=1, device=device)
    return Overlap(cosine=tops.score[0, :, 0].numpy(), image=tops.gallery[0, :, 0].numpy())
