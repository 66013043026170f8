"""A score is the rounded dot product in float64, wherever it is computed."""

import pytest
import torch
from hard_rows import Sides, sides_of

from marginface.matching import dense, genuine_scores, mate_ranks, row_tops, top_impostors
from marginface.matching.operands import operands
from marginface.matching.pair_scores import pair_scores


@pytest.mark.parametrize("block", [1, 32, 1000])
def test_it_is_the_entry_of_the_matrix(sides: Sides, block: int) -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randint(0, len(rows), (400,), generator=generator) for rows in sides[::2])
    found = pair_scores(operands(sides.query, None, sides.gallery, None, block), first, second)
    matrix = (sides.query.double() @ sides.gallery.double().T).float()
    assert torch.equal(found, matrix[first, second])


def test_all_functions_agree_on_a_score() -> None:
    """To the last bit, so that thresholds of one can be applied to what another returns."""
    sides = sides_of("plain", 1, 1)
    nobody, one = torch.tensor([-1]), torch.tensor([1])
    scores = [
        top_impostors(sides.query, one, sides.gallery, nobody, num_kept=1).score,
        top_impostors(sides.query, one, sides.gallery, nobody, num_kept=1, screen=True).score,
        genuine_scores(sides.query, one, sides.gallery, one).score,
        row_tops(sides.query, sides.gallery, num_kept=1).score.flatten(),
        mate_ranks(sides.query, one, sides.gallery, one)[1],
        dense.genuine_scores(sides.query, one, sides.gallery, one).score,
    ]
    assert len({score.item() for score in scores}) == 1
