"""All that a report shows of one evaluation, as files to make later reports from.

Shapes: U units.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from marginface.data.decode import encode
from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.image_set import ImageSet
from marginface.outcome import Outcome, Units
from marginface.report.plain import from_plain, to_plain

REPORT_FILE = "report.json"
UNITS_FILE = "units.npz"
_VERSION = 1
_QUALITY = 90  # of the JPEGs


@dataclass(frozen=True)
class Report:
    """One evaluation of one model.

    Args:
        about: What was measured and how: ``model``, ``checkpoint``, ``preprocess``, ``precision``, ``date``, ...
        outcomes: By benchmark.
        images: JPEGs of the images in :attr:`Outcome.hardest`, by benchmark and number of the image.
    """

    about: Mapping[str, str]
    outcomes: Mapping[str, Outcome]
    images: Mapping[str, Mapping[int, bytes]]


def save_report(
    folder: Path, outcomes: Mapping[str, Outcome], images: Mapping[str, ImageSet], about: Mapping[str, str]
) -> Report:
    """Write ``report.json``, and ``units.npz`` with the units of all figures that are means.

    Args:
        folder: Where to; made if need be.
        outcomes: By benchmark.
        images: Of each benchmark; one that is not here shows its hardest pairs without images.
        about: What was measured and how, in words.

    Raises:
        ImageDecodeError: An image to show is damaged.
    """
    report = Report(
        {key: str(value) for key, value in about.items()}, dict(outcomes), _hardest_images(outcomes, images)
    )
    folder.mkdir(parents=True, exist_ok=True)
    units = [(name, figure, part) for name, each in outcomes.items() for figure, part in each.units.items()]
    arrays = {f"{i}.{key}": value for i, (_, _, part) in enumerate(units) for key, value in part._asdict().items()}
    np.savez_compressed(folder / UNITS_FILE, **arrays)
    text = {
        "version": _VERSION,
        "about": to_plain(report.about),
        "benchmarks": {name: to_plain(replace(each, units={})) for name, each in outcomes.items()},
        "units": [[name, figure] for name, figure, _ in units],
        "units_sha256": _digest(folder),
        "images": {
            name: {str(number): base64.b64encode(jpeg).decode() for number, jpeg in each.items()}
            for name, each in report.images.items()
        },
    }
    (folder / REPORT_FILE).write_text(json.dumps(text, indent=1, allow_nan=False) + "\n")
    return report


def load_report(folder: Path) -> Report:
    """Read what :func:`save_report` has written.

    Raises:
        DataNotFoundError: The folder has no saved report, or only a part of one.
        DataError: A file is damaged, comes from another evaluation than the other one, or from a newer version.
    """
    for name in (REPORT_FILE, UNITS_FILE):
        if not (folder / name).is_file():
            raise DataNotFoundError(
                f"{folder} has no {name}: give a results folder of python src/eval.py, or run it again to make one"
            )
    try:
        return _parse(json.loads((folder / REPORT_FILE).read_text()), folder)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, OSError, BadZipFile, EOFError) as error:
        raise DataError(
            f"{folder / REPORT_FILE} or the {UNITS_FILE} beside it is damaged: {error or type(error).__name__}; "
            "run python src/eval.py again"
        ) from error


def _parse(text: dict[str, Any], folder: Path) -> Report:
    if text["version"] != _VERSION:
        raise ValueError(f"it has version {text['version']}, this program reads version {_VERSION}")
    if text["units_sha256"] != _digest(folder):
        raise ValueError(f"{UNITS_FILE} is not the one that was written with it")
    units: dict[str, dict[str, Units]] = {}
    with np.load(folder / UNITS_FILE, allow_pickle=False) as arrays:
        for i, (name, figure) in enumerate(text["units"]):
            units.setdefault(name, {})[figure] = _checked(Units(arrays[f"{i}.value"], arrays[f"{i}.group"]), figure)
    outcomes = {name: from_plain(Outcome, each, name) for name, each in text["benchmarks"].items()}
    return Report(
        about=from_plain(Mapping[str, str], text["about"], "about"),
        outcomes={name: replace(each, units=units.get(name, {})) for name, each in outcomes.items()},
        images={
            name: {int(number): base64.b64decode(jpeg, validate=True) for number, jpeg in each.items()}
            for name, each in text["images"].items()
        },
    )


def _checked(units: Units, figure: str) -> Units:
    if units.value.ndim != 1 or units.value.shape != units.group.shape:
        raise ValueError(f"units of {figure} have the shapes {units.value.shape} and {units.group.shape}, not (U,)")
    if units.value.dtype.kind != "f" or units.group.dtype.kind not in "iu":
        raise ValueError(f"units of {figure} are {units.value.dtype} and {units.group.dtype}, not float and integer")
    return units


def _hardest_images(outcomes: Mapping[str, Outcome], images: Mapping[str, ImageSet]) -> dict[str, dict[int, bytes]]:
    shown = {
        name: sorted({number for pair in each.hardest for number in (pair.first, pair.second)})
        for name, each in outcomes.items()
        if name in images and each.hardest
    }
    return {name: {n: encode(images[name].load(n), _QUALITY) for n in numbers} for name, numbers in shown.items()}


def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / UNITS_FILE).read_bytes()).hexdigest()
