"""Candidates stay few, whatever comes in, and none of the best is lost."""

import torch

from marginface.matching.accuracy import Accuracy
from marginface.matching.candidates import Candidates
from marginface.matching.row_candidates import RowCandidates

CPU = torch.device("cpu")


def test_products_that_are_off_as_far_as_they_may_lose_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    score = torch.rand(20_000, generator=generator)
    product = score + 0.01 * (2 * torch.randint(0, 2, score.shape, generator=generator) - 1)
    candidates = Candidates(100, Accuracy(torch.float32, 0.0101), lambda pair: score[pair], CPU)
    bounds = []
    for part in torch.arange(20_000).split(500):
        candidates.add(product[part], part)
        bounds.append(float(candidates.bound))
    assert candidates.best()[1].tolist() == score.argsort(descending=True)[:100].tolist()
    assert bounds == sorted(bounds)
    assert bounds[-1] > 0.9


def test_where_products_say_little_scores_decide_on_the_way() -> None:
    generator = torch.Generator().manual_seed(0)
    score = torch.rand(3000, generator=generator)
    product = score + 0.2 * (2 * torch.rand(3000, generator=generator) - 1)
    rescored = []

    def scores(pair: torch.Tensor) -> torch.Tensor:
        rescored.append(len(pair))
        return score[pair]

    candidates = Candidates(20, Accuracy(torch.float32, 0.2), scores, CPU)
    for part in torch.arange(3000).split(50):
        candidates.add(product[part], part)
    assert candidates.best()[1].tolist() == score.argsort(descending=True)[:20].tolist()
    assert len(rescored) > 3


def test_equal_scores_are_told_apart_by_their_numbers_in_any_order() -> None:
    numbers = torch.randperm(5000, generator=torch.Generator().manual_seed(0))
    rescored = []

    def scores(pair: torch.Tensor) -> torch.Tensor:
        rescored.append(len(pair))
        return torch.zeros(len(pair))

    candidates = Candidates(10, Accuracy(torch.float32, 1e-6), scores, CPU)
    for part in numbers.split(37):
        candidates.add(torch.zeros(len(part)), part)
    assert candidates.best()[1].tolist() == list(range(10))
    assert max(rescored) <= 4 * 10 + 37


def test_each_query_has_candidates_of_its_own() -> None:
    score = torch.rand(3, 1000, generator=torch.Generator().manual_seed(0))
    score[1] = 0.5
    score[2, :900] = -torch.inf  # never handed in
    candidates = RowCandidates(3, 5, Accuracy(torch.float32, 0.3), lambda query, row: score[query, row], CPU)
    for begin in range(0, 1000, 50):
        query, column = (score[:, begin : begin + 50] > -torch.inf).nonzero(as_tuple=True)
        if not candidates.has_room(query):
            candidates.tighten()
            assert candidates.has_room(query)
        candidates.add(score[query, begin + column], query, begin + column)
    query, row = candidates.pairs()
    for one in range(3):
        best = score[one].sort(descending=True, stable=True).indices[:5]
        assert set(best.tolist()) <= set(row[query == one].tolist())
