"""Images of a training set and of benchmarks as thumbnails of a page."""

import base64
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

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


def of_image(report: AuditReport, index: int) -> Picture:
    """An image of the training set."""
    address = _address(lambda: report.source.read(index))
    return Picture(address, f"image {index}, class {report.source.labels[index]}")


def of_class(report: AuditReport, label: int) -> Picture:
    """A typical image of a class that has intact ones."""
    return Picture(of_image(report, report.examples[label]).address, f"class {label}")


def beside(report: AuditReport, index: int) -> Picture | None:
    """An image of the same class as an image, typical if that is another one; None where it is the only one."""
    label = int(report.source.labels[index])
    others = [report.examples.get(label, index), *np.flatnonzero(report.scan.intact & (report.source.labels == label))]
    other = next((int(each) for each in others if each != index), None)
    return None if other is None else Picture(of_image(report, other).address, f"also class {label}")


def of_benchmark(images: ImageSet, name: str, image: int) -> Picture:
    """An image of a benchmark."""
    return Picture(_address(lambda: images[image]), f"image {image} of {name}")


def _address(read: Callable[[], bytes]) -> str:
    try:
        jpeg = encode(decode(read(), "a thumbnail"), _QUALITY)
    except ImageDecodeError:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
