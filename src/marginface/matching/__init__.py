"""Comparison of every embedding with every other, exactly, in blocks: nothing of the size of the matrix is stored."""

from marginface.matching.dense import genuine_scores, mate_ranks, row_tops, top_impostors
from marginface.matching.rows import PairScores, Rows, RowTops, TopScores
from marginface.matching.thresholds import accepted_share, cut_at_far, num_needed, supported

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
