"""How good the images of a training set are, as histograms with the worst images beside them."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from marginface.audit.histogram import Histogram, of_sizes, of_values
from marginface.audit.pictures import Picture, of_image
from marginface.audit.report import GREY, AuditReport
from marginface.audit.statistics import size_histogram

MEANING = {
    "brightness": "Mean of the grey image, 0 to 255.",
    "sharpness": "Variance of the grey image's Laplacian; low: blurred.",
    "detail": "Share of the contrast that halving the image's size loses; low: a small face was enlarged.",
    "colour": f"Mean difference of neighbouring colour channels, 0 to 255; below {GREY:g}: a grey image.",
    "bytes": "Length of the encoded image; low: blurred, dark or compressed too far.",
    "images per class": "Each bar up to the next number.",
    "cosine with the own class": "Of an image with the centre of the other images of its class.",
}
_ENDS = {  # what to show: the lowest and, where it is a fault too, the highest
    "brightness": ("darkest", "brightest"),
    "sharpness": ("least sharp",),
    "detail": ("least detail",),
    "colour": ("least colour", "most colour"),
    "bytes": ("fewest bytes",),
}


class Strip(NamedTuple):
    """A few images of a kind.

    Args:
        title: What they have in common.
        pictures: The images, the most striking first.
    """

    title: str
    pictures: list[Picture]


class Quality(NamedTuple):
    """One measure of all images or classes.

    Args:
        plot: Its histogram.
        meaning: What the numbers are.
        values: Its quantiles and the like, by name.
        strips: The worst images by it.
    """

    plot: Histogram
    meaning: str
    values: Mapping[str, float]
    strips: list[Strip]


def qualities(report: AuditReport, num_shown: int) -> Iterator[Quality]:
    """All measures that the report knows.

    Args:
        report: What to show.
        num_shown: Most images of a strip.
    """
    statistics, measured = report.statistics(), {**report.quality(), "cosine with the own class": report.found.own}
    sizes = of_sizes("images per class", size_histogram(report.source.labels))
    plots = [sizes, *(of_values(topic, values) for topic, values in measured.items())]
    for plot in filter(None, plots):
        strips = list(_strips(report, plot.title, num_shown)) if num_shown else []
        yield Quality(plot, MEANING[plot.title], statistics[plot.title], strips)


def _strips(report: AuditReport, topic: str, num_shown: int) -> Iterator[Strip]:
    for name, sign in zip(_ENDS.get(topic, ()), (1, -1), strict=False):
        values = np.asarray(report.quality()[topic], np.float64)
        values = sign * np.where(report.scan.intact, values, np.nan)  # NaN comes last
        chosen = np.argsort(values, kind="stable")[: min(num_shown, int(report.scan.intact.sum()))]
        if len(chosen):
            yield Strip(name, [of_image(report, int(index)) for index in chosen])
