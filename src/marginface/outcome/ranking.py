"""Outcome of closed-set searches: where the best mate of each probe stands in the gallery.

Shapes: Q probes that each have a mate, G gallery rows, N images, D embedding.
"""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from marginface.embedding import Embeddings
from marginface.matching import Rows, mate_ranks, row_tops
from marginface.metric import groups_bootstrap
from marginface.metric.identification import cmc
from marginface.outcome.outcome import HardPair, Outcome, Units

_NUM_HARDEST = 8  # of each kind
_NUM_RANKS = 20  # of the curve


class Searches(NamedTuple):
    """Probes that were searched for in a gallery, and where their best mates stand.

    Args:
        probe: Image of each probe, (Q,) int64.
        identity: Of each probe, (Q,) int64.
        rank: 1 + the gallery rows of other identities that score as high as the best mate or higher, (Q,) int64.
        score: Of the best mate, (Q,) float32.
        row: Of the best mate in the gallery, (Q,) int64.
    """

    probe: Tensor
    identity: Tensor
    rank: Tensor
    score: Tensor
    row: Tensor


def search(
    embeddings: Embeddings, probe: Tensor, identity: Tensor, gallery: Rows, gallery_identity: Tensor
) -> Searches:
    """Search for each probe, an image (Q,), in a gallery of unit rows (G, D) that has a mate of each."""
    mates = mate_ranks(embeddings.unit(probe), identity, gallery, gallery_identity)
    return Searches(probe, identity, *(part.cpu() for part in mates))


def ranking_outcome(searches: Searches, num_gallery: int, *, ranks: Sequence[int], num_bootstrap: int) -> Outcome:
    """``rank-k``, the share of probes whose best mate stands at rank k or before, and its curve over k.

    A rank that no gallery of that size can miss gets no number. Intervals resample the probes' identities.

    Args:
        searches: At least one.
        num_gallery: G.
        ranks: Values of k.
        num_bootstrap: Number of resamples of an interval.
    """
    figures, units, unsupported = {}, {}, {}
    for k in ranks:
        if k >= num_gallery:
            unsupported[f"rank-{k}"] = f"needs a gallery of more than {k:,} entries, there are {num_gallery:,}"
            continue
        found = (searches.rank <= k).float()
        figures[f"rank-{k}"] = groups_bootstrap(
            found, searches.identity, over="identities", num_bootstrap=num_bootstrap
        )
        units[f"rank-{k}"] = Units(found.numpy(), searches.identity.numpy())
    curve = cmc(searches.rank, min(_NUM_RANKS, num_gallery)).tolist()
    return Outcome(figures=figures, units=units, cmc={"": curve}, unsupported=unsupported)


def hardest_searches(
    searches: Searches, embeddings: Embeddings, gallery: Rows, gallery_identity: Tensor, gallery_image: Tensor
) -> list[HardPair]:
    """Of the probes taken for somebody else: those with the highest wrong score, then those with the lowest right one.

    Args:
        searches: Probes with their best mates.
        embeddings: Of all images.
        gallery: What they were searched in, (G, D) unit rows.
        gallery_identity: Of each row, (G,) int64.
        gallery_image: Image to show for each row, (G,) int64.
    """
    wrong = (searches.rank > 1).nonzero().flatten()
    if not len(wrong):
        return []
    probe, score = searches.probe[wrong], searches.score[wrong]
    tops = row_tops(
        embeddings.unit(probe),
        gallery,
        num_kept=1,
        query_identity=searches.identity[wrong],
        gallery_identity=gallery_identity,
    )
    other, mate = gallery_image[tops.gallery[0, :, 0].cpu()], gallery_image[searches.row[wrong]]
    return _worst(probe, other, tops.score[0, :, 0], False) + _worst(probe, mate, score, True)


def check_ranks(ranks: Sequence[int]) -> None:
    """Refuse ranks that do not count from 1.

    Raises:
        ValueError: No rank, or one below 1.
    """
    if not ranks or min(ranks) < 1:
        raise ValueError(f"ranks={list(ranks)} must be whole numbers from 1 on, at least one")


def _worst(probe: Tensor, image: Tensor, score: Tensor, same: bool) -> list[HardPair]:
    best = (-score if same else score).topk(min(_NUM_HARDEST, len(score))).indices
    return [HardPair(int(probe[i]), int(image[i]), float(score[i]), same) for i in best.tolist()]
