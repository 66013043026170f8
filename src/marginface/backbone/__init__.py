"""Networks that turn an aligned face into an embedding."""

from marginface.backbone.base import Backbone
from marginface.backbone.iresnet import IResNet
from marginface.backbone.mobilefacenet import MobileFaceNet
from marginface.backbone.spherenet import SphereNet
from marginface.backbone.timm_backbone import TimmBackbone
from marginface.backbone.weights import load_weights

__all__ = ["Backbone", "IResNet", "MobileFaceNet", "SphereNet", "TimmBackbone", "load_weights"]
