"""The outcome of an audit as files and as text, and its drop list beside the data."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from marginface.audit.metrics import metrics
from marginface.audit.page import render
from marginface.audit.report import AuditReport
from marginface.data.drop_list import DropList, read_drop_list, write_drop_list
from marginface.data.image_set import ImageSet
from marginface.data.kept import KeptFaces
from marginface.data.source import FaceSource


def write_audit(
    folder: Path, report: AuditReport, benchmarks: Mapping[str, ImageSet] | None = None, num_shown: int = 48
) -> Path:
    """Write ``audit.json``, ``metrics.json`` and ``audit.html``.

    Args:
        folder: Where to; made if need be.
        report: What was found.
        benchmarks: Images of the benchmarks that the set was compared with.
        num_shown: Most findings of a kind that are shown with pictures.

    Returns:
        The page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "audit.json").write_text(json.dumps(report.as_json(), indent=1, allow_nan=False) + "\n")
    (folder / "metrics.json").write_text(json.dumps(metrics(report), indent=1, allow_nan=False) + "\n")
    page = folder / "audit.html"
    page.write_text(render(report, benchmarks or {}, num_shown), encoding="utf-8")
    return page


def summary(report: AuditReport) -> str:
    """A few lines for the terminal."""
    sizes = report.statistics()["images per class"]
    lines = [
        f"{len(report.source)} images of {report.source.num_classes} classes, "
        f"{sizes['min']:.0f} to {sizes['max']:.0f} a class, median {sizes['median']:g}"
    ]
    lines += [f"{reason:<18} {count}" for reason, count in report.counts().items()]
    if report.found.embedded:
        lines.append(f"{'same_identity':<18} {len(report.found.same.cosine)} pairs of classes (not dropped)")
    if report.near is not None:
        lines.append(f"{'near_names':<18} {len(report.near)} classes (not dropped)")
    lines += [f"{what:<18} not looked at ({why})" for what, why in report.not_looked_at().items()]
    return "\n".join([*lines, f"{'to drop':<18} {report.num_dropped} images", *report.notes()])


def clean(source: FaceSource, audit: Path, path: Path, reasons: Sequence[str] | None = None) -> KeptFaces:
    """Write the drop list of an audit as a text file of image numbers, once it is sure to fit the set.

    Args:
        source: The training set that was audited.
        audit: Its ``audit.json``.
        path: Where the list goes, such as ``drop.txt`` beside the records.
        reasons: Only images listed for one of these; None for all.

    Returns:
        What is left of the set.

    Raises:
        DataError: The audit is of another set, or leaves nothing.
        ValueError: An unknown reason.
    """
    drop = read_drop_list(audit, reasons)
    kept = KeptFaces(source, drop)
    write_drop_list(path, DropList(drop.index, drop.made_for))
    return kept
