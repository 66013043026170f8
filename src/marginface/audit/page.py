"""The outcome of an audit as one HTML page that needs nothing beside it."""

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from marginface.audit.finding import REASONS, Finding
from marginface.audit.report import AuditReport
from marginface.data.decode import decode, encode
from marginface.data.errors import ImageDecodeError
from marginface.data.image_set import ImageSet

_QUALITY = 85  # of the thumbnails' JPEG


class Picture(NamedTuple):
    """An image with a line below it.

    Args:
        address: ``data:`` address; empty if it cannot be decoded.
        caption: Which image it is.
    """

    address: str
    caption: str


class Card(NamedTuple):
    """One finding.

    Args:
        pictures: What to look at.
        text: Why it is here.
    """

    pictures: list[Picture]
    text: str


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
        reasons=REASONS,
        sections=[section for section in _sections(report, benchmarks, num_shown) if section.num_found],
        statistics=report.statistics(),
    )


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
        Card([_example(report, first), _example(report, second)], f"cosine of the centres {cosine:.3f}")
        for first, second, cosine in pairs[:num_shown]
    ]
    yield Section("Classes that may show one person (nothing is dropped for it)", len(pairs), cards)
    yield from (_overlap(report, name, images, num_shown) for name, images in benchmarks.items())
    named = sorted({finding.label for finding in report.findings if finding.reason == "benchmark_name"})
    cards = [Card([_example(report, label)], "") for label in named[:num_shown] if label in report.examples]
    yield Section("Classes with the name of a person of a benchmark", len(named), cards)


def _of_finding(report: AuditReport, finding: Finding) -> Card:
    pictures = [_picture(report, finding.index)]
    if finding.reason == "label_noise" and finding.label in report.examples:
        pictures.append(_example(report, finding.label))
    if finding.other >= 0:
        pictures.append(_picture(report, finding.other))
    return Card(pictures, finding.why)


def _overlap(report: AuditReport, name: str, images: ImageSet, num_shown: int) -> Section:
    overlap = report.found.overlap[name]
    places = np.flatnonzero(overlap.cosine >= report.settings.benchmark_overlap)
    places = places[np.argsort(-overlap.cosine[places], kind="stable")]
    cards = []
    for place in places[:num_shown].tolist():
        image = int(overlap.image[place])
        theirs = Picture(_address(lambda i=image: images[i]), f"image {image} of {name}")  # type: ignore[misc]
        ours = _example(report, int(report.found.classes[place]))
        cards.append(Card([ours, theirs], f"cosine {overlap.cosine[place]:.3f}"))
    return Section(f"Classes that show a person of {name}", len(places), cards)


def _example(report: AuditReport, label: int) -> Picture:
    return Picture(_picture(report, report.examples[label]).address, f"class {label}")


def _picture(report: AuditReport, index: int) -> Picture:
    address = _address(lambda: report.source.read(index))
    return Picture(address, f"image {index}, class {report.source.labels[index]}")


def _address(read: Callable[[], bytes]) -> str:
    try:
        jpeg = encode(decode(read(), "a thumbnail"), _QUALITY)
    except ImageDecodeError:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
