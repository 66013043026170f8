"""Ranks of best mates, against a gallery whose order is known."""

import math

import pytest
import torch
from torch import Tensor

from marginface.embedding import Embeddings
from marginface.outcome.ranking import Searches, check_ranks, hardest_searches, ranking_outcome, search


def at(*degrees: float) -> Tensor:
    """Unit vectors in the plane."""
    angle = torch.tensor(degrees) * math.pi / 180
    return torch.stack([angle.cos(), angle.sin()], dim=1)


# images 0 to 3 are a gallery of identities 0, 1, 2, 3; images 4 to 6 are probes
EMBEDDINGS = Embeddings.of(at(0, 40, 80, 120, 5, 50, 99))
GALLERY = torch.arange(4)
PROBE = torch.tensor([4, 5, 6])


def searched(*identity: int) -> Searches:
    return search(EMBEDDINGS, PROBE, torch.tensor(identity), EMBEDDINGS.unit(GALLERY), GALLERY)


def test_rates_and_curve_of_known_ranks() -> None:
    searches = searched(0, 0, 3)  # the probe at 50 degrees is nearer to 40 and 80, that at 99 to 80
    assert searches.rank.tolist() == [1, 3, 2]
    outcome = ranking_outcome(searches, 4, ranks=[1, 2, 3], num_bootstrap=20)
    assert {name: f.value for name, f in outcome.figures.items()} == pytest.approx(
        {"rank-1": 1 / 3, "rank-2": 2 / 3, "rank-3": 1.0}
    )
    assert outcome.figures["rank-1"].over == "identities"
    assert outcome.units["rank-2"].value.tolist() == [1, 0, 1]
    assert outcome.units["rank-2"].group.tolist() == [0, 0, 3]
    assert outcome.cmc[""] == pytest.approx([1 / 3, 2 / 3, 1.0, 1.0])


def test_a_rank_that_cannot_be_missed_gets_no_number() -> None:
    outcome = ranking_outcome(searched(0, 1, 2), 4, ranks=[1, 4, 20], num_bootstrap=5)
    assert list(outcome.figures) == ["rank-1"]
    assert outcome.unsupported["rank-4"] == "needs a gallery of more than 4 entries, there are 4"
    assert "rank-20" in outcome.unsupported


def test_the_hardest_searches_show_who_was_taken_for_whom() -> None:
    searches = searched(0, 0, 0)
    pairs = hardest_searches(searches, EMBEDDINGS, EMBEDDINGS.unit(GALLERY), GALLERY, GALLERY + 100)
    cosine = math.cos(math.radians(10)), math.cos(math.radians(19))
    assert [(p.first, p.same) for p in pairs] == [(5, False), (6, False), (6, True), (5, True)]
    assert [p.second for p in pairs] == [101, 102, 100, 100]
    assert [p.score for p in pairs[:2]] == pytest.approx(cosine)
    assert pairs[3].score == pytest.approx(math.cos(math.radians(50)))


def test_where_everybody_is_found_nothing_is_hard() -> None:
    found = search(EMBEDDINGS, PROBE[:2], torch.tensor([0, 1]), EMBEDDINGS.unit(GALLERY), GALLERY)
    assert hardest_searches(found, EMBEDDINGS, EMBEDDINGS.unit(GALLERY), GALLERY, GALLERY) == []


@pytest.mark.parametrize("ranks", [[], [0, 1]])
def test_ranks_count_from_one(ranks: list[int]) -> None:
    with pytest.raises(ValueError, match="ranks="):
        check_ranks(ranks)


def test_a_non_mate_that_scores_as_high_stands_before_the_mate() -> None:
    twins = Embeddings.of(at(0, 0, 0))
    found = search(twins, torch.tensor([2]), torch.tensor([1]), twins.unit(torch.arange(2)), torch.tensor([0, 1]))
    assert found.rank.tolist() == [2]
