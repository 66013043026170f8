"""Margin heads: one paper, one file, formulas only."""

from marginface.head.adacos import AdaCos
from marginface.head.adaface import AdaFace
from marginface.head.am_softmax import AMSoftmax
from marginface.head.arcface import ArcFace
from marginface.head.asoftmax import ASoftmax
from marginface.head.base import CosineHead, Head, Row
from marginface.head.circle_loss import CircleLoss
from marginface.head.coco import COCO
from marginface.head.combined_margin import CombinedMargin
from marginface.head.cosface import CosFace
from marginface.head.criterion import Criterion, Separable, SoftmaxCrossEntropy
from marginface.head.curricularface import CurricularFace
from marginface.head.elasticface import ElasticFace
from marginface.head.lsoftmax import LSoftmax
from marginface.head.magface import MagFace
from marginface.head.modified_softmax import ModifiedSoftmax
from marginface.head.mv_softmax import MVSoftmax
from marginface.head.normface import NormFace
from marginface.head.p2sgrad import P2SGrad
from marginface.head.softmax import Softmax
from marginface.head.sphereface import SphereFace
from marginface.head.sphereface2 import SphereFace2
from marginface.head.sphereface_r import SphereFaceR
from marginface.head.subcentre_arcface import SubCentreArcFace
from marginface.head.uniface import UniFace
from marginface.head.unitsface import UniTSFace

__all__ = [
    "AMSoftmax",
    "ASoftmax",
    "AdaCos",
    "AdaFace",
    "ArcFace",
    "COCO",
    "CircleLoss",
    "CombinedMargin",
    "CosFace",
    "CosineHead",
    "Criterion",
    "CurricularFace",
    "ElasticFace",
    "Head",
    "LSoftmax",
    "MVSoftmax",
    "MagFace",
    "ModifiedSoftmax",
    "NormFace",
    "P2SGrad",
    "Row",
    "Separable",
    "Softmax",
    "SoftmaxCrossEntropy",
    "SphereFace",
    "SphereFace2",
    "SphereFaceR",
    "SubCentreArcFace",
    "UniFace",
    "UniTSFace",
]
