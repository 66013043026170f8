"""Readers of the pair lists that data sets are published with."""

from marginface.data.pair_lists.agedb import read_agedb_pairs
from marginface.data.pair_lists.cfp import read_cfp_pairs
from marginface.data.pair_lists.lfw import read_lfw_pairs
from marginface.data.pair_lists.listed import ListedPair
from marginface.data.pair_lists.lookup import FoundPairs, check_on_missing, find_images
from marginface.data.pair_lists.noise import read_wrong_pairs
from marginface.data.pair_lists.origin import Origin
from marginface.data.pair_lists.rfw import read_rfw_pairs
from marginface.data.pair_lists.two_lines import read_two_line_pairs

__all__ = [
    "FoundPairs",
    "ListedPair",
    "Origin",
    "check_on_missing",
    "find_images",
    "read_agedb_pairs",
    "read_cfp_pairs",
    "read_lfw_pairs",
    "read_rfw_pairs",
    "read_two_line_pairs",
    "read_wrong_pairs",
]
