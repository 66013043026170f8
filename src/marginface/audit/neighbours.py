"""Which classes look alike, so that copies can be sought between those only.

Shapes: M images compared, C classes, D embedding, P pairs.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marginface.embedding import Embeddings
from marginface.matching import PairScores, row_tops
from marginface.matching.accuracy import accuracy
from marginface.matching.operands import operands
from marginface.matching.pair_scores import pair_scores
from marginface.matching.shares import share


def alike_classes(
    centres: Tensor, classes: NDArray[np.int64], num_classes: int, device: torch.device
) -> NDArray[np.int64]:
    """Pairs of a class and one of those whose centres are nearest to its own.

    Args:
        centres: (C, D) unit rows.
        classes: Label of each, rising, (C,) int64.
        num_classes: How many neighbours each class has at most.
        device: Where products are computed.

    Returns:
        Labels, (P, 2) int64; each pair once with the smaller label first, in this order.
    """
    number, num_kept = torch.arange(len(classes)), max(1, min(num_classes, len(classes) - 1))
    tops = row_tops(centres, centres, num_kept=num_kept, query_identity=number, gallery_identity=number, device=device)
    nearest = tops.gallery[0].numpy()
    own, place = np.nonzero(nearest >= 0)
    pairs = np.sort(np.stack([own, nearest[own, place]], axis=1), axis=1)
    return classes[np.unique(pairs, axis=0)] if len(pairs) else pairs


def across_alike(
    embeddings: Embeddings, index: NDArray[np.int64], labels: NDArray[np.int64], alike: NDArray[np.int64], cosine: float
) -> Iterator[PairScores]:
    """Pairs of a class and its neighbours that reach a cosine, a class at a time; each process yields its share.

    Products only say which pairs to score, so that scores are those of any other comparison.

    Args:
        embeddings: Of all images.
        index: Numbers of the images to compare, (M,) int64.
        labels: Class of each of them, (M,) int64.
        alike: As of :func:`alike_classes`.
        cosine: The least.

    Yields:
        Pairs of places in ``index``, on the CPU.
    """
    order = torch.from_numpy(np.argsort(labels, kind="stable"))
    unit = embeddings.unit(torch.from_numpy(index)[order])  # the images of a class lie together
    sides = operands(unit, None, unit, None)
    least = cosine - 2 * accuracy(sides, screen=False).error
    spans = np.searchsorted(labels[order.numpy()], np.stack([alike, alike + 1]))  # (2, P, 2)
    starts = np.searchsorted(alike[:, 0], np.unique(alike[:, 0]))
    first_share, last_share = share(len(starts))
    for pairs in np.split(np.arange(len(alike)), starts[1:])[first_share:last_share]:
        begin, end = spans[:, pairs[0], 0].tolist()
        places = [slice(*span) for span in spans[:, pairs, 1].T.tolist()]
        theirs = torch.cat([torch.arange(place.start, place.stop) for place in places]).to(sides.device)
        right = torch.cat([unit[place] for place in places]).to(sides.device)
        row, column = (sides.queries(begin, end) @ right.T >= least).nonzero(as_tuple=True)
        first, second = begin + row, theirs[column]
        yield PairScores(pair_scores(sides, first, second).cpu(), order[first.cpu()], order[second.cpu()])
