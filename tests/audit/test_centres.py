import numpy as np
import pytest
import torch

from marginface.audit import centres


def test_leave_one_out_equals_the_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centres, "_BLOCK", 5)  # several blocks, the last one short
    generator = torch.Generator().manual_seed(0)
    unit = torch.nn.functional.normalize(torch.randn(17, 6, generator=generator), dim=1)
    label = torch.tensor([0, 1, 2, 1, 0, 0, 2, 1, 1, 0, 2, 2, 3, 0, 1, 2, 1])
    sums = centres.class_sums(unit, label, 4)
    own = centres.own_cosines(unit, label, sums)
    for i in range(17):
        others = [unit[j] for j in range(17) if j != i and label[j] == label[i]]
        if others:
            mean = torch.stack(others).mean(0)
            assert float(own[i]) == pytest.approx(float(unit[i] @ mean / mean.norm()), abs=1e-5)
        else:
            assert np.isnan(float(own[i]))
    assert label[own.isnan()].tolist() == [3]
