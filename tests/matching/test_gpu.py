"""A GPU returns what the CPU does."""

import pytest
import torch
from hard_rows import Sides, assert_same

from marginface.matching import dense, genuine_scores, mate_ranks, row_tops, top_impostors


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("block", [64, None])
def test_it_is_the_dense_form(sides: Sides, block: int | None) -> None:
    on_gpu = {"device": "cuda", "block": block}
    for screen in (False, True):
        found = top_impostors(*sides, num_kept=40, screen=screen, **on_gpu)
        assert_same(found, dense.top_impostors(*sides, num_kept=40))
        tops = row_tops(sides.query, sides.gallery, num_kept=5, stops=[7, 150], screen=screen, **on_gpu)
        assert_same(tops, dense.row_tops(sides.query, sides.gallery, num_kept=5, stops=[7, 150]))
    assert_same(genuine_scores(*sides, **on_gpu), dense.genuine_scores(*sides))
    assert_same(mate_ranks(*sides, **on_gpu), dense.mate_ranks(*sides))
