"""Class centres and the optimizer's state of them, out of a checkpoint and into another one.

A checkpoint holds the centres of all classes, or names a folder of shards that do. Either is read by any classifier:
each process takes the classes that it owns.
"""

from pathlib import Path
from typing import Any, Protocol

from torch import Tensor
from torch.optim import Optimizer

from marginface.checkpoint.shards import Shard, ShardFolder
from marginface.classifier import Classifier

KEY, FOLDER, IDS = "marginface", "centres", "optimizer_ids"
PREFIX = "classifier."
BY_CLASS = ("weight", "bias", "memory")  # of a classifier: tensors with the same number of rows for each class


class Source(Protocol):
    """Centres of all classes."""

    def names(self) -> list[str]:
        """``weight``, ...; the optimizer's state of a parameter as ``weight/momentum_buffer``."""

    def read(self, name: str, first: int, count: int) -> Tensor:
        """Rows of the classes [first, first + count)."""


class Whole:
    """Centres of all classes inside a checkpoint."""

    def __init__(self, checkpoint: dict[str, Any], num_classes: int) -> None:
        state = checkpoint["state_dict"]
        self.num_classes = num_classes
        self.tensors = {name: state[PREFIX + name] for name in BY_CLASS if PREFIX + name in state}
        for name, number in checkpoint[KEY].get(IDS, {}).items():
            for key, value in _optimizer_entry(checkpoint, number).items():
                if isinstance(value, Tensor) and value.shape == self.tensors[name].shape:
                    self.tensors[f"{name}/{key}"] = value

    def names(self) -> list[str]:
        """Names of the tensors."""
        return list(self.tensors)

    def read(self, name: str, first: int, count: int) -> Tensor:
        """Rows of the classes [first, first + count)."""
        per_class = len(self.tensors[name]) // self.num_classes
        rows: Tensor = self.tensors[name][first * per_class : (first + count) * per_class]
        return rows.clone()


def optimizer_ids(classifier: Classifier, optimizers: list[Optimizer]) -> dict[str, int]:
    """Number of the centres and of the biases in the state of the (only) optimizer."""
    if len(optimizers) != 1:
        return {}
    order = [id(p) for group in optimizers[0].param_groups for p in group["params"]]
    wanted = {"weight": classifier.trainable_centres(), "bias": classifier.bias}
    return {name: order.index(id(p)) for name, p in wanted.items() if p is not None and id(p) in order}


def take_out(checkpoint: dict[str, Any], classifier: Classifier, optimizers: list[Optimizer]) -> Shard:
    """Remove a process's centres from the checkpoint that the first process saves.

    Args:
        checkpoint: as Lightning dumps it on each process; loses what is returned.
        classifier: of this process.
        optimizers: those of the trainer.

    Returns:
        This process's classes.
    """
    tensors = {n: checkpoint["state_dict"].pop(PREFIX + n) for n in BY_CLASS if PREFIX + n in checkpoint["state_dict"]}
    tensors |= (
        classifier.centre_state(optimizers[0]) if len(optimizers) == 1 and "optimizer_states" in checkpoint else {}
    )
    for entries in (saved["state"] for saved in checkpoint.get("optimizer_states", [])):
        for number in entries.keys() & checkpoint[KEY].get(IDS, {}).values():
            # A new dictionary: the old one is the optimizer's own.
            entries[number] = {k: v for k, v in entries[number].items() if not (isinstance(v, Tensor) and v.ndim)}
    return Shard(classifier.first, classifier.count, tensors)


def put_in(checkpoint: dict[str, Any], classifier: Classifier) -> None:
    """Give a classifier, through its checkpoint, the centres of the classes that it owns.

    Args:
        checkpoint: as it was read; with the name of a folder, or the centres of all classes.
        classifier: which is to receive it.

    Raises:
        ValueError: if the folder is incomplete.
    """
    state = checkpoint["state_dict"]
    own = {PREFIX + name for name in classifier.state_dict()}
    if PREFIX + "draws" in own:  # of a sampling classifier only
        state.setdefault(PREFIX + "draws", classifier.draws)
    else:
        state.pop(PREFIX + "draws", None)
    if FOLDER not in checkpoint[KEY] and not classifier.sharded_names():
        return  # every class is where it belongs
    source = source_of(checkpoint, classifier.num_classes)
    first, count = classifier.first, classifier.count
    sampled: dict[str, Tensor] = {}
    for name in source.names():
        rows = source.read(name, first, count)
        parameter, _, key = name.partition("/")
        if not key:
            state[PREFIX + name] = rows
        elif parameter == "weight" and classifier.trainable_centres() is not classifier.weight:
            sampled[key] = rows
        else:
            _optimizer_entry(checkpoint, checkpoint[KEY][IDS][parameter])[key] = rows
    classifier.receive_centre_state(sampled)


def source_of(checkpoint: dict[str, Any], num_classes: int) -> Source:
    """The folder that a checkpoint names, or the checkpoint itself."""
    folder = checkpoint[KEY].get(FOLDER)
    if folder is None:
        return Whole(checkpoint, num_classes)
    if not Path(folder).is_absolute():
        raise ValueError(
            f"the checkpoint's class centres lie in {folder} beside it, but where it lies is unknown; read it with "
            "Trainer(plugins=[marginface.checkpoint.io.AtomicCheckpointIO()])"
        )
    return ShardFolder(Path(folder))


def _optimizer_entry(checkpoint: dict[str, Any], number: int) -> dict[str, Any]:
    """State of one parameter in the only optimizer; an empty one where nothing was saved."""
    states = checkpoint.get("optimizer_states") or [{}]
    entry: dict[str, Any] = states[0].get("state", {}).setdefault(number, {}) if states[0] else {}
    return entry
