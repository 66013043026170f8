"""What tells one model from another: its weights and settings, as a short text."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def fingerprint(network: nn.Module, settings: Mapping[str, Any]) -> str:
    """Text of 64 hexadecimal digits that changes with any weight, its name or type, and with any setting.

    Args:
        network: Whose state counts.
        settings: What else changes the network's output, such as the preprocess and the precision; plain values.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, value in sorted(network.state_dict().items()):
        if isinstance(value, torch.Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
