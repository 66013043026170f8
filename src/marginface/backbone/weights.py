"""Loading of public or own weights into a backbone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from marginface.backbone.base import Backbone

# Where checkpoints keep the tensors, most specific first.
WRAPPERS = ("net_state_dict", "state_dict", "model")
# What data-parallel training and torch.compile put before every name.
PREFIXES = ("module.", "_orig_mod.")
# The name of the backbone inside a Lightning checkpoint of a recognizer.
OWNER = "backbone."
SHOWN = 3


def load_weights(backbone: Backbone, path: Path) -> None:
    """Load weights into a backbone, all of them or none.

    Takes a bare state dict, one under ``net_state_dict``, ``state_dict`` or ``model``, and a Lightning checkpoint (of
    which it takes what lies under ``backbone.``). Names of a public layout go through ``backbone.translate``. Only
    tensors and plain values are unpickled, so that a file from elsewhere cannot run code.

    Args:
        backbone: the network to fill; its dtype and device stay.
        path: a file written by ``torch.save``.

    Raises:
        ValueError: a missing file, a file without tensors, or names or shapes that differ.
    """
    state = _strip(_unwrap(_read(path), path))
    try:
        state = backbone.translate(state)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if differences := _differences(backbone.state_dict(), state):
        raise ValueError(
            f"{path} does not fit {type(backbone).__name__}: {'; '.join(differences)}; "
            f"choose the backbone that the weights belong to (this one is {backbone.describe()})"
        )
    backbone.load_state_dict(state)


def _read(path: Path) -> Any:
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no file of weights at {path}; correct the path or fetch the file")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the reader of foreign bytes raises, the file is at fault
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{path} is not a checkpoint of tensors ({type(error).__name__}: {reason}); "
            "give a file that torch.save wrote from a state dict"
        ) from error


def _unwrap(content: Any, path: Path) -> dict[str, Tensor]:
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not content:
        raise ValueError(f"{path} holds no state dict but {type(content).__name__}; {_remedy()}")
    foreign = [key for key, value in content.items() if not isinstance(value, Tensor)]
    if foreign:
        raise ValueError(f"{path} holds no state dict: {foreign[0]!r} is not a tensor; {_remedy()}")
    return dict(content)


def _remedy() -> str:
    return f"save the state dict itself, or a dict with it under {' or '.join(map(repr, WRAPPERS))}"


def _strip(state: dict[str, Tensor]) -> dict[str, Tensor]:
    state = _without_prefixes(state)
    if any(key.startswith(OWNER) for key in state):
        owned = {key.removeprefix(OWNER): value for key, value in state.items() if key.startswith(OWNER)}
        state = _without_prefixes(owned)
    return state


def _without_prefixes(state: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES * 2:
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _differences(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    shapes = [
        f"{key} is {tuple(state[key].shape)}, not {tuple(tensor.shape)}"
        for key, tensor in expected.items()
        if key in state and state[key].shape != tensor.shape
    ]
    found = {
        "missing": [key for key in expected if key not in state],
        "not expected": [key for key in state if key not in expected],
        "of another shape": shapes,
    }
    return [f"{len(keys)} {what}: {_first(keys)}" for what, keys in found.items() if keys]


def _first(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")
