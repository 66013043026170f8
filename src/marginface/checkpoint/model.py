"""What a recognizer's checkpoint says about itself beyond the weights."""

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import torch

from marginface.backbone import Backbone
from marginface.checkpoint.shards import ShardFolder
from marginface.classifier import Classifier
from marginface.preprocess import Preprocess

KEY = "marginface"
FORMAT = 1


class Recognizer(Protocol):
    """The parts of a model that a checkpoint names."""

    backbone: Backbone
    classifier: Classifier
    preprocess: Preprocess


def describe(model: Recognizer) -> dict[str, Any]:
    """Names of the parts of a model, as plain values."""
    return {
        "format": FORMAT,
        "backbone": model.backbone.describe(),
        "head": type(model.classifier.head).__name__,
        "num_classes": model.classifier.num_classes,
        "preprocess": model.preprocess.settings(),
    }


def refuse_mismatch(model: Recognizer, checkpoint: dict[str, Any]) -> None:
    """Compare a checkpoint with the model that is to receive it.

    Raises:
        ValueError: if it is not one of ours, or naming every part that differs.
    """
    if KEY not in checkpoint:
        raise ValueError("the checkpoint was not written by marginface; load foreign weights with weights=PATH instead")
    saved, ours = checkpoint[KEY], describe(model)
    if saved["format"] != FORMAT:
        raise ValueError(f"the checkpoint has format {saved['format']}, this version reads {FORMAT}")
    differs = [f"{k}: checkpoint {saved[k]}, here {ours[k]}" for k in ours if saved[k] != ours[k]]
    if differs:
        raise ValueError(
            f"the checkpoint belongs to another model ({'; '.join(differs)}); "
            "give the same backbone, head, data and preprocess as in its training"
        )


def backbone_of(checkpoint: dict[str, Any]) -> Backbone:
    """Build the backbone that a checkpoint names, without its weights.

    Only a subclass of Backbone is ever called: a checkpoint from elsewhere cannot make this run anything else.

    Raises:
        ValueError: if the class cannot be found, or is no backbone.
    """
    arguments = dict(checkpoint[KEY]["backbone"])
    name = str(arguments.pop("class"))
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"the checkpoint's backbone {name} cannot be imported ({error}); put it on the path"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Backbone)):
        raise ValueError(f"the checkpoint names {name} as its backbone, which is no subclass of marginface's Backbone")
    return found(**arguments)


def rng_state() -> dict[str, Any]:
    """State of torch's random generators of this process."""
    cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def restore_rng(state: dict[str, Any]) -> None:
    """Put torch's random generators where :func:`rng_state` saw them."""
    torch.set_rng_state(state["cpu"].cpu())
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"].cpu())


def read_checkpoint(path: Path, with_centres: bool = False) -> dict[str, Any]:
    """Read one of our checkpoints without executing anything in it.

    Args:
        path: the file.
        with_centres: also see to it that the class centres are complete, where they lie in a folder beside it.

    Raises:
        ValueError: if there is no such file, it is damaged, or it was not written by marginface.
    """
    if not path.is_file():
        raise ValueError(f"ckpt={path} does not exist; training writes <run>/checkpoints/best.ckpt and last.ckpt")
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"ckpt={path} cannot be read ({error}); it is damaged or not a checkpoint") from error
    if KEY not in checkpoint:
        raise ValueError(f"ckpt={path} was not written by marginface; evaluate foreign weights with weights=PATH")
    if with_centres and "centres" in checkpoint[KEY]:
        ShardFolder(path.parent / checkpoint[KEY]["centres"])
    return checkpoint
