"""Comparison of every embedding with every other, exactly, in blocks: nothing of the size of the matrix is stored."""

from marginface.matching.genuine import genuine_scores
from marginface.matching.impostors import top_impostors
from marginface.matching.ranks import mate_ranks
from marginface.matching.rows import PairScores, Rows, RowTops, TopScores
from marginface.matching.thresholds import accepted_share, cut_at_far, num_needed, supported
from marginface.matching.tops import row_tops

__all__ = [
    "PairScores",
    "RowTops",
    "Rows",
    "TopScores",
    "accepted_share",
    "cut_at_far",
    "genuine_scores",
    "mate_ranks",
    "num_needed",
    "row_tops",
    "supported",
    "top_impostors",
]
