"""The outcome of an audit as one HTML page that needs nothing beside it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from marginface.audit.finding import REASONS, Finding
from marginface.audit.pictures import Card, beside, of_benchmark, of_class, of_image
from marginface.audit.quality import qualities
from marginface.audit.report import AuditReport
from marginface.data.image_set import ImageSet

_STRIP = 12  # images of a kind that are shown for their quality


class Section(NamedTuple):
    """Findings of one kind.

    Args:
        title: What they have in common.
        num_found: How many there are.
        cards: The most striking of them.
    """

    title: str
    num_found: int
    cards: list[Card]


def render(report: AuditReport, benchmarks: Mapping[str, ImageSet], num_shown: int = 48) -> str:
    """The page.

    Args:
        report: What to show.
        benchmarks: Images of the benchmarks that the set was compared with.
        num_shown: Most findings of a kind that are shown with pictures.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        report=report,
        reasons={**REASONS, "same_identity": "two classes that may show one person (nothing is dropped for it)"},
        counts={**report.counts(), **_not_dropped(report)},
        omitted=report.not_looked_at(),
        sections=[section for section in _sections(report, benchmarks, num_shown) if section.num_found],
        qualities=list(qualities(report, min(_STRIP, num_shown))),
    )


def _not_dropped(report: AuditReport) -> dict[str, int]:
    return {"same_identity": len(report.found.same.cosine)} if report.found.embedded else {}


def _sections(report: AuditReport, benchmarks: Mapping[str, ImageSet], num_shown: int) -> Iterator[Section]:
    for reason, title in REASONS.items():
        if reason.startswith("benchmark"):
            continue  # a class each, not an image each
        found = [finding for finding in report.findings if finding.reason == reason]
        rising = reason == "label_noise"
        found.sort(key=lambda finding: finding.score if rising else -finding.score)
        yield Section(_capital(title), len(found), [_of_finding(report, each) for each in found[:num_shown]])
    same = report.found.same
    pairs = list(zip(same.first.tolist(), same.second.tolist(), same.cosine.tolist(), strict=True))
    cards = [
        Card([of_class(report, first), of_class(report, second)], f"cosine of the centres {cosine:.3f}")
        for first, second, cosine in pairs[:num_shown]
    ]
    yield Section("Classes that may show one person (nothing is dropped for it)", len(pairs), cards)
    yield from (_overlap(report, name, images, num_shown) for name, images in benchmarks.items())
    yield from _named(report, num_shown)


def _of_finding(report: AuditReport, finding: Finding) -> Card:
    pictures = [of_image(report, finding.index)]
    if finding.reason == "label_noise":
        pictures += filter(None, [beside(report, finding.index)])
    if finding.other >= 0:
        pictures.append(of_image(report, finding.other))
    return Card(pictures, finding.why)


def _overlap(report: AuditReport, name: str, images: ImageSet, num_shown: int) -> Section:
    overlap, places = report.found.overlap[name], report.overlaps()[name]
    cards = []
    for place in places[:num_shown].tolist():
        ours = of_class(report, int(report.found.classes[place]))
        theirs = of_benchmark(images, name, int(overlap.image[place]))
        cards.append(Card([ours, theirs], f"cosine {overlap.cosine[place]:.3f}"))
    return Section(f"Classes that show a person of {name}", len(places), cards)


def _named(report: AuditReport, num_shown: int) -> Iterator[Section]:
    labels = sorted({finding.label for finding in report.findings if finding.reason == "benchmark_name"})
    cards = [Card([of_class(report, label)], "") for label in labels[:num_shown] if label in report.examples]
    yield Section("Classes with the name of a person of a benchmark", len(labels), cards)
    near = report.near or ()
    cards = [
        Card(
            [of_class(report, each.label)] if each.label in report.examples else [],
            f"{each.name} is like {each.listed} but for {each.how}",
        )
        for each in near[:num_shown]
    ]
    yield Section("Classes with a name like that of a person of a benchmark: look at them", len(near), cards)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
