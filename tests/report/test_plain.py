import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from marginface.report.plain import from_plain, to_plain


class Point(NamedTuple):
    x: float
    name: str = "here"


@dataclass(frozen=True)
class Drawing:
    points: Mapping[str, Point]
    counts: Sequence[Sequence[int]] = ()
    frame: Point | None = None
    closed: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)


DRAWING = Drawing({"a": Point(1.5), "b": Point(-math.inf, "far")}, [[1, 2], [3]], Point(0.0), True, {"by": "me"})


def test_what_is_written_is_read_back() -> None:
    text = json.dumps(to_plain(DRAWING), allow_nan=False)
    assert from_plain(Drawing, json.loads(text), "drawing") == DRAWING


def test_nan_is_read_back_as_nan() -> None:
    assert math.isnan(from_plain(Point, to_plain(Point(math.nan)), "point").x)


def test_arrays_and_tensors_become_lists_and_their_scalars_numbers() -> None:
    assert to_plain({"a": np.array([1.0, math.inf]), "t": torch.tensor([[1, 2]]), "n": np.float32(0.5)}) == {
        "a": [1.0, "inf"],
        "t": [[1, 2]],
        "n": 0.5,
    }


def test_what_has_no_plain_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no plain form"):
        to_plain([object()])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"points": []}, r"drawing\.points is '\[\]', which is no dict"),
        ({"points": {"a": {"x": "1.5"}}}, r"drawing\.points\['a'\]\.x is '1\.5', which is no float"),
        ({"points": {"a": {"x": True}}}, r"x is 'True', which is no float"),
        ({"points": {"a": {}}}, r"drawing\.points\['a'\] lacks the part 'x'"),
        ({"points": {}, "counts": [[1.5]]}, r"drawing\.counts\[0\]\[0\] is '1\.5', which is no int"),
        ({"points": {}, "colour": "red"}, r"drawing has the unknown part 'colour'"),
        ([], r"drawing is '\[\]', which is no dict"),
    ],
)
def test_another_type_is_refused_where_it_stands(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_plain(Drawing, value, "drawing")


def test_whole_numbers_may_be_floats() -> None:
    (counts,) = from_plain(Drawing, {"points": {}, "counts": [[2.0, 3]]}, "drawing").counts
    assert [(type(count), count) for count in counts] == [(int, 2), (int, 3)]
