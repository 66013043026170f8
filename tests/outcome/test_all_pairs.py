"""Verification over all pairs, against the matrix of scores written out."""

import pytest
import torch
from torch.nn import functional

from marginface.outcome.all_pairs import all_pairs_outcome, num_impostors


def test_rates_agree_with_the_sorted_impostor_scores() -> None:
    generator = torch.Generator().manual_seed(0)
    identity, gallery_identity = torch.randint(6, (40,), generator=generator), torch.arange(6)
    centre = torch.randn(6, 5, generator=generator)
    gallery = functional.normalize(centre, dim=1)
    probe = functional.normalize(centre[identity] + torch.randn(40, 5, generator=generator), dim=1)
    outcome = all_pairs_outcome(probe, identity, gallery, gallery_identity, fars=[0.1, 0.01, 1e-4], num_bootstrap=20)
    score, same = probe @ gallery.T, identity[:, None] == gallery_identity
    impostor, genuine = score[~same].sort(descending=True).values, score[same]
    assert num_impostors(identity, gallery_identity) == len(impostor) == 200
    for far, accepted in ((0.1, 20), (0.01, 2)):
        name = f"tar@far={far:.0e}".replace("e-0", "e-")
        assert outcome.figures[name].value == pytest.approx(float((genuine > impostor[accepted]).double().mean()))
        assert outcome.figures[name].over == "identities"
        assert sorted(outcome.units[name].group.tolist()) == sorted(identity.tolist())
    assert outcome.unsupported == {"tar@far=1e-4": "needs 10,000 impostor pairs, there are 200"}
    assert [(t.far, t.num_impostor) for t in outcome.thresholds] == [(0.1, 200), (0.01, 200)]
    assert outcome.thresholds[0].score == pytest.approx(float(impostor[20]))
    assert max(outcome.roc[""].far) == pytest.approx(0.1)
    assert outcome.roc[""].tar == sorted(outcome.roc[""].tar)
