import re

import numpy as np
import pytest

from marginface.audit.histogram import of_sizes, of_values


def heights(svg: str) -> list[float]:
    return [float(height) for height in re.findall(r"h[\d.]+v([\d.]+)z", svg)]


def test_bars_are_as_high_as_counts() -> None:
    plot = of_values("brightness", np.repeat([0.0, 10.0, 20.0], [10, 40, 20]))
    assert plot is not None
    drawn = heights(plot.svg)
    assert [height for height in drawn if height] == pytest.approx(max(drawn) * np.array([0.25, 1, 0.5]), abs=0.02)
    assert (drawn[0] > 0, drawn[-1] > 0, plot.beyond) == (True, True, False)
    assert "the highest bar is 40" in plot.svg


def test_what_lies_beyond_the_axis_is_counted_and_told() -> None:
    plot = of_values("bytes", np.append(np.tile(np.arange(100), 10), [1e9, -1e9, np.nan]))
    assert plot is not None
    assert plot.beyond
    assert "1e+09" not in plot.svg
    assert min(heights(plot.svg)) > 0


def test_one_value_alone_and_none() -> None:
    assert of_values("a<b", np.full(3, np.nan)) is None
    plot = of_values("a<b", np.full(3, 7.0))
    assert plot is not None
    assert "a&lt;b" in plot.svg
    assert sum(height > 0 for height in heights(plot.svg)) == 1


def test_sizes_of_classes_have_a_bar_a_bin() -> None:
    plot = of_sizes("images per class", {"1": 3, "2-3": 6, "4-7": 1})
    assert heights(plot.svg) == pytest.approx(max(heights(plot.svg)) * np.array([0.5, 1, 1 / 6]), abs=0.02)
    assert re.findall(r">(\d+)</text>", plot.svg) == ["1", "2", "4"]
