"""Arguments that do not fit are refused by every function, with their names and values."""

from functools import partial
from typing import Any

import pytest
import torch
from hard_rows import Sides, sides_of

from marginface.matching import genuine_scores, mate_ranks, row_tops, top_impostors
from marginface.matching.operands import operands

FUNCTIONS = [partial(top_impostors, num_kept=3), genuine_scores, mate_ranks]
GOOD = sides_of("plain", 4, 6)
WRONG = [
    (GOOD._replace(gallery=torch.ones(6, 5)), "query has rows of dimension 12, gallery of 5"),
    (GOOD._replace(query_identity=torch.zeros(5, dtype=torch.int64)), r"query_identity is .*\(5,\).* query has 4 rows"),
    (GOOD._replace(gallery_identity=torch.zeros(4, dtype=torch.int64)), r"gallery_identity is .*\(4,\).*6 rows"),
    (GOOD._replace(gallery_identity=torch.zeros(6)), "gallery_identity is torch.float32"),
    (GOOD._replace(gallery=torch.full((6, 12), torch.nan)), "gallery has rows that are not finite, the first is row 0"),
    (GOOD._replace(query=GOOD.query / torch.zeros(4, 1)), "query has rows that are not finite"),
    (GOOD._replace(gallery_identity=None), "gallery_identity must be given"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=["top_impostors", "genuine_scores", "mate_ranks"])
@pytest.mark.parametrize(("sides", "message"), WRONG)
def test_sides_that_do_not_fit(function: Any, sides: Sides, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(*sides)


@pytest.mark.parametrize(("sides", "message"), WRONG)
def test_sides_that_do_not_fit_for_row_tops(sides: Sides, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        row_tops(sides[0], sides[2], num_kept=1, query_identity=sides[1], gallery_identity=sides[3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_kept": 0}, "num_kept=0 keeps no score"),
        ({"stops": [3, 3]}, r"stops=\[3, 3\] must rise"),
        ({"stops": [4, 2]}, r"stops=\[4, 2\] must rise"),
        ({"stops": [0, 2]}, r"stops=\[0, 2\] must rise from at least 1"),
        ({"stops": [2, 7]}, r"stops=\[2, 7\] .* at most the 6 gallery rows"),
        ({"block": 0}, "block=0"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        row_tops(GOOD.query, GOOD.gallery, **{"num_kept": 1, **options})


def test_nothing_is_kept() -> None:
    with pytest.raises(ValueError, match="num_kept=-1 keeps no score: pass at least 1"):
        top_impostors(*GOOD, num_kept=-1)


def test_identities_of_a_gallery_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="gallery_identity must be given exactly where gallery"):
        top_impostors(GOOD.query, GOOD.query_identity, None, GOOD.gallery_identity, num_kept=1)


def test_rows_say_where_products_are_computed() -> None:
    class Remote:
        device = torch.device("meta")

        def __len__(self) -> int:
            return 2

        def __getitem__(self, part: slice) -> torch.Tensor:
            return GOOD.query[part]

    assert operands(Remote(), None, GOOD.gallery, None).device.type == "meta"
    assert operands(Remote(), None, GOOD.gallery, None, device="cpu").device.type == "cpu"
    assert operands(GOOD.query, None, Remote(), None).device.type == "cpu"
