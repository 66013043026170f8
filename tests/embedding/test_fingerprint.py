import torch
from torch import nn

from marginface.embedding import fingerprint


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_equal_models_have_equal_fingerprints() -> None:
    assert fingerprint(network(), {"a": 1, "b": [2]}) == fingerprint(network().eval(), {"b": [2], "a": 1})
    assert len(fingerprint(network(), {})) == 64


def test_any_weight_buffer_type_or_setting_changes_it() -> None:
    changed = [network() for _ in range(3)]
    changed[0][0].weight.data[1, 2] += 1e-6
    changed[1][1].running_mean += 1e-6
    changed[2].bfloat16()
    found = {fingerprint(network(), {"a": 1}), fingerprint(network(), {"a": 2})}
    assert len(found | {fingerprint(each, {"a": 1}) for each in changed}) == 5
