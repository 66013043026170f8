"""Plots are read back from their SVG: where lines run, what is written, and what a page must not get."""

import math
import re
import warnings
from collections.abc import Iterator
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from marginface.metric import Interval
from marginface.outcome import Histogram, Line, RocCurve, Threshold
from marginface.report.canvas import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Entry, Plot, short
from marginface.report.far_plots import Curve, det_plot, roc_plot
from marginface.report.plots import cmc_plot, histogram_plot, line_plot

ROC = RocCurve([0.0, 1e-4, 1e-2, 1.0], [0.1, 0.4, 0.7, 1.0])
FIGURES = {1e-2: Interval(0.7, 0.6, 0.8)}
ONLY, A, B = Entry("", 0), Entry("a", 0), Entry("b", 1)
HISTOGRAM = Histogram([-0.5, 0.0, 0.5], [0.0, 10.0, 30.0], [600.0, 400.0, 0.0])
THRESHOLDS = [Threshold(1e-2, 0.2, 0.9, 1000), Threshold(1e-3, 0.4, 0.8, 1000), Threshold(0.5, -math.inf, 1.0, 1000)]
LINE = Line("distractors", "rank-1 rate", [10, 1000, 100_000], [0.9, 0.8, 0.6], log_x=True)


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def all_plots(key: str = "k") -> list[Plot]:
    return [
        roc_plot({A: Curve(ROC, FIGURES), B: Curve(ROC, {})}, f"{key}-roc", "ROC"),
        det_plot({A: Curve(ROC, FIGURES), B: Curve(ROC, {})}, f"{key}-det", "DET"),
        histogram_plot(HISTOGRAM, THRESHOLDS, f"{key}-scores", "Scores"),
        cmc_plot({A: [0.5, 0.7, 0.9], B: [0.6] * 30}, f"{key}-cmc", "CMC"),
        line_plot({A: LINE}, f"{key}-line", "Rank-1 over distractors"),
    ]


def tree(plot: Plot) -> ElementTree.Element:
    return ElementTree.fromstring(str(plot.svg))


def points(plot: Plot, style: str) -> list[list[tuple[float, float]]]:
    """Corners of every path with this in its style."""
    paths = [path for path in tree(plot).iter("path") if style in path.get("style", "")]
    return [
        [(float(x), float(y)) for x, y in re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", path.get("d", ""))]
        for path in paths
    ]


def words(plot: Plot) -> list[str]:
    return ["".join(text.itertext()).strip() for text in tree(plot).iter("text")]


def across(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def up(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def test_a_roc_runs_through_its_points_on_a_logarithmic_axis() -> None:
    plot = roc_plot({ONLY: Curve(ROC, {})}, "k", "ROC")
    (line,) = points(plot, "var(--series-1)")
    assert [x for x, _ in line] == pytest.approx([across(0), across(0.5), across(1)], abs=0.02)  # no place for 0
    rise = [before - after for (_, before), (_, after) in pairwise(line)]
    assert rise[0] == pytest.approx(rise[1], abs=0.02)  # 0.3 each
    assert {"1e-4", "1e-2", "1"} <= set(words(plot))


def test_a_det_curve_falls_and_what_is_never_rejected_lies_below_the_axis() -> None:
    halving = RocCurve([0.0, 1e-4, 1e-3, 1e-2, 1.0], [0.1, 0.2, 0.6, 0.8, 1.0])
    plot = det_plot({ONLY: Curve(halving, {})}, "k", "DET")
    (line,) = points(plot, "var(--series-1)")
    fall = [after - before for (_, before), (_, after) in pairwise(line)]
    assert fall[0] == pytest.approx(fall[1], abs=0.02)  # 0.8, 0.4, 0.2
    assert fall[0] > 0
    assert line[-1][1] > up(0)
    assert {"1", "0.1"} & set(words(plot))


def test_intervals_of_figures_stand_at_their_rates() -> None:
    bars = [line for line in points(all_plots()[0], "stroke-width: 1.2") if len(line) == 2]
    ((low, high),) = bars
    assert low[0] == high[0] == pytest.approx(across(0.5), abs=0.02)
    assert low[1] > high[1]
    assert "95 % intervals" in all_plots()[0].note
    assert "95 %" not in roc_plot({ONLY: Curve(ROC, {})}, "k", "ROC").note


def test_a_curve_that_knows_rare_accepts_only_is_drawn_where_it_is() -> None:
    rare = RocCurve([0.0, 1e-9, 1e-6], [0.5, 0.6, 0.7])
    for draw in (roc_plot, det_plot):
        plot = draw({ONLY: Curve(rare, {})}, "k", "rare")
        (line,) = points(plot, "var(--series-1)")
        assert [line[0][0], line[-1][0]] == pytest.approx([across(0), across(1)], abs=0.02)
        assert "both rates are equal" not in plot.note  # nowhere in sight


def test_a_perfect_curve_and_a_single_point_can_be_drawn() -> None:
    for roc in (RocCurve([0.0, 1.0], [1.0, 1.0]), RocCurve([0.0], [0.0])):
        for draw in (roc_plot, det_plot):
            assert tree(draw({ONLY: Curve(roc, {})}, "k", "ROC")).tag == "svg"


def test_scores_are_shares_of_their_kind_and_thresholds_dashed_lines() -> None:
    plot = histogram_plot(HISTOGRAM, THRESHOLDS, "k", "Scores")
    dashed = points(plot, "stroke-dasharray")
    assert len(dashed) == 2  # a threshold that accepts every pair is no place on the axis
    assert [x for ((x, _), _) in dashed] == sorted(x for ((x, _), _) in dashed)
    assert {"1e-2", "1e-3"} <= set(words(plot))
    assert "5e-1" not in words(plot)
    outlines = [points(plot, f"stroke: var(--series-{i})")[0] for i in (3, 6)]
    tallest = [min(y for _, y in line) for line in outlines]
    assert (up(0) - tallest[0]) / (up(0) - tallest[1]) == pytest.approx(0.75 / 0.6, abs=0.01)
    assert [entry.name for entry in plot.legend] == ["genuine pairs", "impostor pairs"]


def test_scores_without_any_pair_can_be_drawn() -> None:
    plot = histogram_plot(Histogram([0.0, 0.5], [0.0, 0.0], [0.0, 0.0]), (), "k", "Scores")
    assert plot.note == ""
    assert "score" in words(plot)


def test_ranks_begin_at_one_and_are_logarithmic_where_there_are_many() -> None:
    few, many = cmc_plot({ONLY: [0.5, 0.75, 1.0]}, "k", "CMC"), cmc_plot({ONLY: [0.5] * 100}, "k", "CMC")
    assert [x for x, _ in points(few, "var(--series-1)")[0]] == pytest.approx([across(0), across(0.5), across(1)])
    assert ("rank" in words(few), "rank (log)" in words(many)) == (True, True)
    assert "100" in words(many)
    assert tree(cmc_plot({ONLY: [0.5]}, "k", "CMC")).tag == "svg"  # a single rank


def test_lines_of_another_kind_name_their_axes() -> None:
    plot = line_plot({ONLY: LINE}, "k", "Rank-1")
    assert {"distractors (log)", "rank-1 rate", "10", "1e5"} <= set(words(plot))
    assert plot.legend == ()
    curve = points(plot, "var(--series-1)")[0]
    assert curve[1][0] - curve[0][0] == pytest.approx(curve[2][0] - curve[1][0], abs=0.02)


def test_names_are_no_markup_and_no_formula() -> None:
    hostile = Line("<script>alert(1)</script>", "$\\frac{1}{0", [1.0, 2.0], [0.5, 0.6])
    plot = line_plot({Entry("</svg><b>", 0): hostile}, "k", '"><script>')
    assert {"<script>alert(1)</script>", "$\\frac{1}{0"} <= set(words(plot))
    assert tree(plot).find(".//script") is None
    assert "<script" not in plot.svg
    title = tree(plot).find("title")
    assert title is not None
    assert title.text == '"><script>'


def test_letters_that_matplotlib_s_font_lacks_are_left_to_the_browser() -> None:
    assert "人脸 (log)" in words(line_plot({ONLY: LINE._replace(x_label="人脸")}, "k", "Rank-1"))[-2:]


def test_the_page_s_colours_are_used_and_no_others() -> None:
    for plot in all_plots():
        colours = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", plot.svg))
        assert colours <= {"none", *(f"var(--{name})" for name in ("ink", "faint", "grid"))} | {
            f"var(--series-{i})" for i in range(1, 7)
        }
        assert "#0a0" not in plot.svg


def test_lines_differ_in_colour_and_in_dashes() -> None:
    entries = [Entry(str(i), i) for i in range(12)]
    assert len({(entry.series, entry.dashes) for entry in entries}) == 12
    assert all((a.series, a.dashes) != (b.series, b.dashes) for a, b in pairwise(entries))
    plot = all_plots()[0]
    assert [(entry.name, entry.series) for entry in plot.legend] == [("a", 1), ("b", 2)]
    drawn = [path.get("style", "") for path in tree(plot).iter("path") if "stroke: var(--series-2)" in str(path.attrib)]
    assert f"stroke-dasharray: {plot.legend[1].dashes.replace(' ', ',')}" in drawn[0]


def test_ids_of_all_plots_are_distinct_and_what_is_referred_to_is_there() -> None:
    every = "".join(plot.svg for plot in [*all_plots("b1"), *all_plots("b2")])
    ids = re.findall(r" id=\"([^\"]*)\"", every)
    assert len(ids) == len(set(ids)) > 10
    assert set(re.findall(r"url\(#([^)]*)\)|href=\"#([^\"]*)\"|labelledby=\"([^\"]*)\"", every)) <= {
        part for i in ids for part in ((i, "", ""), ("", i, ""), ("", "", i))
    }


def test_a_plot_is_self_contained_and_the_same_every_time() -> None:
    for plot, again in zip(all_plots(), all_plots(), strict=True):
        assert plot == again
        assert not re.search(r"https?:|<style|<metadata|<!--|<\?xml|xlink|font-family", plot.svg)
        assert min(float(size) for size in re.findall(r"font-size: ([\d.]+)px", plot.svg)) >= 12
        assert (tree(plot).get("width"), tree(plot).get("viewBox")) == (str(WIDTH), f"0 0 {WIDTH} {HEIGHT}")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.05, "0.05"), (1000, "1000"), (1e6, "1e6"), (1.5e-7, "1.5e-7"), (1e-12, "1e-12"), (-0.25, "-0.25"), (0, "0")],
)
def test_numbers_of_axes_are_short(value: float, text: str) -> None:
    assert short(value) == text
