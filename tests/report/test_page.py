"""What a reader of the page sees is what was measured, and nothing of it is code."""

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from marginface.data.image_set import ImageSet
from marginface.metric import Interval
from marginface.outcome import Confusion, HardPair, Line, Outcome, RocCurve, Threshold, Units
from marginface.report.page import breakable, number, p_value, render, signed
from marginface.report.saved import Report, save_report

HOSTILE = "</title></style></svg><script>alert('x')</script>\"><img src=x onerror=alert(1)>{{ 7 * 7 }}"


class Reader(HTMLParser):
    """Tags with their attributes, and the rows of all tables as text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]}{data}".split(" "))

    def row(self, *start: str) -> list[str]:
        """The first row that begins with these cells, without them."""
        return next(row[len(start) :] for row in self.rows if tuple(row[: len(start)]) == start)


@pytest.fixture(scope="module")
def reports(
    weak: Mapping[str, Outcome],
    strong: Mapping[str, Outcome],
    images: dict[str, ImageSet],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Report]:
    folder = tmp_path_factory.mktemp("reports")
    return {
        name: save_report(folder / name, outcomes, images, {"model": f"the {name} one", "precision": "bf16-mixed"})
        for name, outcomes in (("weak", weak), ("strong", strong))
    }


@pytest.fixture(scope="module")
def single(reports: dict[str, Report]) -> str:
    return render({"weak": reports["weak"]})


@pytest.fixture(scope="module")
def both(reports: dict[str, Report]) -> str:
    return render(reports)


def interval(figure: Interval) -> str:
    return f"{figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]"


def test_every_figure_stands_with_its_interval_and_what_was_resampled(single: str, weak: Mapping[str, Outcome]) -> None:
    page = Reader(single)
    for outcome in weak.values():
        for name, figure in outcome.figures.items():
            assert page.row(name) == [interval(figure), figure.over], name


def test_the_summary_comes_first_and_has_all_benchmarks(single: str, weak: Mapping[str, Outcome]) -> None:
    page = Reader(single)
    assert single.index("Summary") < single.index(">lfw</h2>")
    for name, outcome in weak.items():
        headline, figure = next(iter(outcome.figures.items()))
        assert page.row(name) == [headline, interval(figure), figure.over]
        (link,) = [
            attrs["href"] for tag, attrs in page.tags if tag == "a" and f'href="{attrs["href"]}">{name}' in single
        ]
        assert f'<h2 id="{str(link)[1:]}">{name}</h2>' in single


def test_what_the_data_cannot_support_has_a_reason_and_no_number(single: str) -> None:
    cells = Reader(single).row("tar@far=1e-6")
    assert cells == ["no number: needs 1,000,000 impostor pairs, there are 200"]
    assert Reader(single).row("1e-6")[0] == "no number: needs 1,000,000 impostor pairs, there are 1,500"


def test_recommended_thresholds_name_the_data_that_support_them(single: str, weak: Mapping[str, Outcome]) -> None:
    (threshold,) = weak["lfw"].thresholds
    cells = Reader(single).row("1e-3")
    assert cells == [f"{threshold.score:.4f}", f"{threshold.tar:.4f}", "1,500", "1", "lfw"]


def test_what_was_left_out_is_counted(single: str, both: str) -> None:
    assert "Left out: 3 pairs with a missing image." in single
    assert both.count("Left out: 3 pairs") == 1  # of both models the same


def test_what_was_left_out_for_one_model_only_names_it(reports: dict[str, Report]) -> None:
    clean = {name: replace(each, excluded={}) for name, each in reports["strong"].outcomes.items()}
    page = render({"weak": reports["weak"], "strong": replace(reports["strong"], outcomes=clean)})
    assert "Left out for weak: 3 pairs with a missing image." in page


def test_the_hardest_pairs_are_images_with_their_scores(single: str, reports: dict[str, Report]) -> None:
    page = Reader(single)
    sources = [str(attrs["src"]) for tag, attrs in page.tags if tag == "img"]
    outcomes = reports["weak"].outcomes
    pairs = [(name, pair) for name in outcomes for pair in outcomes[name].hardest]
    assert len(sources) == 2 * len(pairs) > 0
    shown = {base64.b64decode(source.removeprefix("data:image/jpeg;base64,")) for source in sources}
    assert shown == {jpeg for each in reports["weak"].images.values() for jpeg in each.values()}
    assert all(number(pair.score) in page.text for _, pair in pairs)
    assert single.index("False accepts") < single.index("False rejects")


def test_hard_pairs_without_images_are_told_by_their_numbers(reports: dict[str, Report]) -> None:
    page = Reader(render({"weak": replace(reports["weak"], images={})}))
    assert "img" not in {tag for tag, _ in page.tags}
    assert "image 3" in page.text


def test_the_confusion_matrix_is_a_table(single: str) -> None:
    page = Reader(single)
    names = page.row("true \\ taken for")
    assert names[0] == "anger"
    assert len(page.row("anger")) == len(names) == 7
    assert sum(int(count) for name in names for count in page.row(name)) == 327


@pytest.mark.parametrize("plot", ["ROC", "DET", "Scores", "CMC", "Rank-1 over distractors"])
def test_every_kind_of_plot_is_there(single: str, plot: str) -> None:
    assert re.search(f"<figcaption>{plot}</figcaption>\\s*<svg", single)


def test_what_was_measured_is_told(single: str, both: str) -> None:
    assert Reader(single).row("precision") == ["bf16-mixed"]
    assert Reader(both).row("model") == ["the weak one", "the strong one"]


def test_models_stand_side_by_side_with_the_best_marked(both: str, reports: dict[str, Report]) -> None:
    page = Reader(both)
    ours, theirs = (reports[name].outcomes["lfw"].figures["auc"] for name in ("weak", "strong"))
    assert page.row("auc")[:2] == [interval(ours), f"● {interval(theirs)}"]
    ours, theirs = (reports[name].outcomes["lfw"].figures["eer"] for name in ("weak", "strong"))
    assert ours.value > theirs.value
    assert page.row("eer")[1].startswith("● ")


def test_a_paired_test_stands_with_its_difference(both: str, reports: dict[str, Report]) -> None:
    ours, theirs = (reports[name].outcomes["lfw"].figures["accuracy@strict"].value for name in ("weak", "strong"))
    test = Reader(both).row("accuracy@strict")[2]
    assert test.startswith(f"better +{theirs - ours:.4f} [+0.")
    assert re.search(r"\], p [<=] 0\.\d+$", test)
    assert Reader(both).row("auc")[2] == "no paired test: not a mean over units"


def test_models_on_different_sets_get_no_paired_test(reports: dict[str, Report]) -> None:
    outcome = reports["strong"].outcomes["lfw"]
    fewer = {name: Units(*(part[1:] for part in units)) for name, units in outcome.units.items()}
    other = replace(reports["strong"], outcomes={"lfw": replace(outcome, units=fewer)})
    page = Reader(render({"weak": reports["weak"], "other": other}))
    assert page.row("accuracy@strict")[2] == "no paired test: not the same set"
    assert page.row("rank-1")[1] == "no number: not measured"


def test_curves_of_models_share_a_plot_and_have_one_colour_each(both: str) -> None:
    plots = re.findall(r"<figcaption>(.*?)</figcaption>\s*<svg.*?</figure>", both, flags=re.DOTALL)
    assert plots.count("ROC") == plots.count("CMC") == 1
    assert {"Scores · weak", "Scores · strong"} <= set(plots)
    roc = both[both.index("<figcaption>ROC") : both.index("<figcaption>DET")]
    assert {"var(--series-1)", "var(--series-2)"} <= set(re.findall(r"var\(--series-\d\)", roc))
    assert re.findall(r'class="series-(\d)".*?</svg>(\w+)</li>', roc, flags=re.DOTALL) == [
        ("1", "weak"),
        ("2", "strong"),
    ]


def test_a_model_keeps_its_colour_where_the_first_one_was_not_measured(reports: dict[str, Report]) -> None:
    nothing = replace(reports["weak"], outcomes={})
    page = render({"weak": nothing, "strong": reports["strong"]})
    roc = page[page.index("<figcaption>ROC") : page.index("<figcaption>DET")]
    assert set(re.findall(r"var\(--series-\d\)", roc)) == {"var(--series-2)"}


def test_series_of_a_single_model_share_a_plot() -> None:
    curves = {"asian": RocCurve([0.01, 1.0], [0.5, 1.0]), "indian": RocCurve([0.01, 1.0], [0.6, 1.0])}
    figures = {"asian/tar@far=1e-2": Interval(0.5, 0.4, 0.6), "asian/tar@far=x": Interval(0.5, 0.4, 0.6)}
    page = render({"one": Report({}, {"rfw": Outcome(figures=figures, roc=curves)}, {})})
    assert page.count("<figcaption>ROC</figcaption>") == 1
    assert re.findall(r"</svg>(\w+)</li>", page)[:2] == ["asian", "indian"]
    two = render({name: Report({}, {"rfw": Outcome(figures=figures, roc=curves)}, {}) for name in ("one", "two")})
    assert "<figcaption>ROC · indian</figcaption>" in two


def hostile_report() -> Report:
    outcome = Outcome(
        figures={HOSTILE: Interval(0.5, 0.4, 0.6, HOSTILE), f"{HOSTILE}/tar@far=1e-2": Interval(0.5, 0.4, 0.6)},
        units={HOSTILE: Units(np.ones(3, np.float32), np.arange(3))},
        roc={HOSTILE: RocCurve([0.01, 1.0], [0.5, 1.0])},
        cmc={HOSTILE: [0.5, 1.0]},
        lines={HOSTILE: Line(HOSTILE, HOSTILE, [1.0, 2.0], [0.1, 0.2])},
        confusion=Confusion([HOSTILE, "b"], [[1, 2], [3, 4]]),
        thresholds=[Threshold(1e-3, 0.5, 0.5, 1000)],
        hardest=[HardPair(0, 1, 0.5, True)],
        unsupported={f"{HOSTILE}2": HOSTILE},
        excluded={HOSTILE: 1},
    )
    return Report({HOSTILE: HOSTILE}, {HOSTILE: outcome}, {HOSTILE: {0: HOSTILE.encode()}})


@pytest.mark.parametrize("names", [[HOSTILE], [HOSTILE, f"{HOSTILE}2", "$\\frac{1"]])
def test_hostile_names_stay_text(names: list[str]) -> None:
    page = render({name: hostile_report() for name in names})
    found = Reader(page)
    allowed = {"src", "alt", "title"}
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "iframe", "object", "embed"})
    assert all(set(attrs) <= allowed for tag, attrs in found.tags if tag == "img")
    assert not [attrs for _, attrs in found.tags if any(name.startswith("on") for name in attrs)]
    assert found.text.count(HOSTILE) > 10
    assert "49" not in found.text  # no template in a template


@pytest.mark.parametrize("page", ["single", "both"])
def test_the_page_needs_nothing_beside_it(page: str, request: pytest.FixtureRequest) -> None:
    text = request.getfixturevalue(page)
    found = Reader(text)
    assert not re.search(r"https?:|//[a-z]|@import|@font-face|javascript:", re.sub(r"base64,[^\"]*", "", text))
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "iframe", "object", "base", "form"})
    addresses = [str(attrs[key]) for _, attrs in found.tags for key in ("src", "href") if key in attrs]
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert set(re.findall(r"url\((.)", text)) == {"#"}


@pytest.mark.parametrize("page", ["single", "both"])
def test_ids_are_distinct_and_links_lead_somewhere(page: str, request: pytest.FixtureRequest) -> None:
    found = Reader(request.getfixturevalue(page))
    ids = [str(attrs["id"]) for _, attrs in found.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = {str(attrs["href"])[1:] for tag, attrs in found.tags if tag in ("a", "use") and "href" in attrs}
    assert links <= set(ids)


def test_the_same_reports_make_the_same_page(both: str, reports: dict[str, Report]) -> None:
    assert render(reports) == both


def test_without_a_report_there_is_no_page() -> None:
    with pytest.raises(ValueError, match="reports is empty"):
        render({})


def test_numbers_are_aligned_and_signed() -> None:
    assert [number(v) for v in (0.5, -0.25, 1.0, float("-inf"))] == ["0.5000", "−0.2500", "1.0000", "−∞"]
    assert [signed(v) for v in (0.5, -0.25, 0.0)] == ["+0.5000", "−0.2500", "+0.0000"]
    assert [p_value(v) for v in (0.0, 0.0009, 0.001, 0.0314, 0.5, 1.0)] == [
        "p < 0.001", "p < 0.001", "p = 0.001", "p = 0.031", "p = 0.5", "p = 1",
    ]  # fmt: skip


def test_the_name_of_a_figure_breaks_behind_its_series_only() -> None:
    assert re.sub(r"<wbr>", "|", re.sub(r"</?span[^>]*>", "", breakable("a<b/tar@far=1e-3"))) == "a&lt;b/|tar@far=1e-3"
