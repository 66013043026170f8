"""Ranks among growing numbers of distractors."""

import torch

from marginface.benchmark.megaface_identification import best_distractors, both_ways, match_curve, within_rank
from marginface.embedding import Embeddings
from marginface.matching import PairScores


def test_each_photo_is_the_probe_once() -> None:
    pairs = both_ways(PairScores(torch.tensor([0.1, 0.2]), torch.tensor([0, 0]), torch.tensor([1, 2])))
    assert pairs.query.tolist() == [0, 0, 1, 2]
    assert pairs.gallery.tolist() == [1, 2, 0, 0]
    assert torch.equal(pairs.score, torch.tensor([0.1, 0.2, 0.1, 0.2]))


def test_galleries_nested_or_not_give_their_own_best() -> None:
    rows = torch.nn.functional.normalize(torch.randn(33, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    embeddings = Embeddings.of(rows)
    galleries = [torch.arange(3, 8), torch.tensor([31, 4, 20]), torch.arange(3, 30), torch.arange(3, 8)]
    best = best_distractors(embeddings.unit(torch.arange(3)), embeddings, galleries)
    for gallery, tops in zip(galleries, best, strict=True):
        expected = (rows[:3] @ rows[gallery].T).sort(1, descending=True).values[:, :10]
        assert tops.shape == (3, 10)
        torch.testing.assert_close(tops[:, : len(gallery)], expected)
        assert torch.isneginf(tops[:, len(gallery) :]).all()


def test_a_tie_counts_against_the_probe_and_ranks_accumulate() -> None:
    best = torch.full((2, 10), -torch.inf)
    best[0, :3] = torch.tensor([0.9, 0.5, 0.4])
    pairs = PairScores(torch.tensor([0.5, 0.95, -1.0]), torch.tensor([0, 0, 1]), torch.tensor([1, 2, 0]))
    assert within_rank(pairs, best, 1).tolist() == [0, 1, 1]
    assert within_rank(pairs, best, 2).tolist() == [0, 1, 1]
    assert within_rank(pairs, best, 3).tolist() == [1, 1, 1]
    curve = match_curve(pairs, best)
    assert len(curve) == 10
    assert [round(3 * rate) for rate in curve[:4]] == [2, 2, 3, 3]
