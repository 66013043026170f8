"""Evaluation protocols: which images to embed, and what judges the embeddings."""

from marginface.benchmark.agedb_30 import AgeDB30
from marginface.benchmark.base import Benchmark, FeatureFiles
from marginface.benchmark.calfw import CALFW
from marginface.benchmark.cfp import CFP
from marginface.benchmark.ck_plus import CKPlus
from marginface.benchmark.cplfw import CPLFW
from marginface.benchmark.ijb import IJB
from marginface.benchmark.lfw import LFW
from marginface.benchmark.megaface import MegaFace
from marginface.benchmark.own_gallery import OwnGallery
from marginface.benchmark.own_pairs import OwnPairs
from marginface.benchmark.pairs import PairBenchmark
from marginface.benchmark.rfw import RFW
from marginface.benchmark.tinyface import TinyFace
from marginface.benchmark.trillion_pairs import TrillionPairs
from marginface.benchmark.ytf import YTF

__all__ = [
    "CALFW",
    "CFP",
    "CKPlus",
    "CPLFW",
    "IJB",
    "LFW",
    "RFW",
    "YTF",
    "AgeDB30",
    "Benchmark",
    "FeatureFiles",
    "MegaFace",
    "OwnGallery",
    "OwnPairs",
    "PairBenchmark",
    "TinyFace",
    "TrillionPairs",
]
