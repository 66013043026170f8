"""All that an audit has found, in one object that becomes JSON.

Shapes: N images of the source.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from marginface.audit.comparison import Comparison
from marginface.audit.finding import REASONS, Finding
from marginface.audit.judgement import Judgement
from marginface.audit.names import shared_names
from marginface.audit.scan import ImageScan
from marginface.audit.settings import AuditSettings
from marginface.audit.statistics import class_sizes, size_histogram, spread
from marginface.data.drop_list import labels_digest
from marginface.data.source import FaceSource


@dataclass(frozen=True, kw_only=True)
class SetNames:
    """Names to look for in a training set.

    Args:
        classes: Of its classes, in the order of the labels.
        listed: Of a benchmark's people.
    """

    classes: Sequence[str]
    listed: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """The outcome of an audit.

    Args:
        source: The training set.
        settings: What counts as a finding.
        findings: Images that should go.
        found: What embeddings say.
        examples: Number of a typical image, by label.
        scan: Of bytes and pixels.
        about: Model and versions, for the reader.
    """

    source: FaceSource
    settings: AuditSettings
    findings: Sequence[Finding]
    found: Comparison
    examples: Mapping[int, int]
    scan: ImageScan
    about: Mapping[str, str]

    def counts(self) -> dict[str, int]:
        """Findings by reason, in the order of :data:`REASONS`."""
        counted = Counter(finding.reason for finding in self.findings)
        return {reason: counted[reason] for reason in REASONS}

    @property
    def num_dropped(self) -> int:
        """Images with a finding; one may have several."""
        return len({finding.index for finding in self.findings})

    def notes(self) -> list[str]:
        """What a reader has to know about the lists."""
        capped = {"near duplicates": self.found.near.capped, "classes that look the same": self.found.same.capped}
        return [
            f"there are more {what} than settings.num_pairs={self.settings.num_pairs} keeps: raise it, or clean and "
            "audit again"
            for what, more in capped.items()
            if more
        ]

    def statistics(self) -> dict[str, Mapping[str, float]]:
        """Numbers about classes and images, by topic."""
        labels, own = self.source.labels, spread(self.found.own)
        topics = {
            "images per class": class_sizes(labels, self.source.num_classes),
            "classes by size": size_histogram(labels),
            "brightness": spread(self.scan.brightness),
            "sharpness": spread(self.scan.sharpness),
            "cosine with the own class": own,
        }
        return {topic: values for topic, values in topics.items() if values}

    def as_json(self) -> dict[str, Any]:
        """The machine-readable form; ``drop`` is a drop list for ``KeptFaces``."""
        same, overlap = self.found.same, self.found.overlap
        return {
            "source": {
                "num_images": len(self.source),
                "num_classes": int(self.source.num_classes),
                "labels_sha256": labels_digest(self.source.labels),
            },
            "about": dict(self.about),
            "settings": asdict(self.settings),
            "reasons": dict(REASONS),
            "counts": self.counts(),
            "num_dropped": self.num_dropped,
            "notes": self.notes(),
            "statistics": self.statistics(),
            "same_identity": [
                {"first": int(first), "second": int(second), "cosine": round(float(cosine), 6)}
                for first, second, cosine in zip(same.first, same.second, same.cosine, strict=True)
            ],
            "benchmark_overlap": [
                {
                    "benchmark": name,
                    "label": int(self.found.classes[place]),
                    "image": int(each.image[place]),
                    "cosine": round(float(each.cosine[place]), 6),
                }
                for name, each in overlap.items()
                for place in np.flatnonzero(each.cosine >= self.settings.benchmark_overlap)
            ],
            "drop": [self._entry(finding) for finding in self.findings],
        }

    def _entry(self, finding: Finding) -> dict[str, Any]:
        return {
            "index": finding.index,
            "where": self.source.where(finding.index),
            "label": finding.label,
            "reason": finding.reason,
            "score": None if math.isnan(finding.score) else round(finding.score, 6),
            "other": None if finding.other < 0 else finding.other,
            "why": finding.why,
        }


def judge(
    source: FaceSource,
    scan: ImageScan,
    found: Comparison,
    settings: AuditSettings,
    names: SetNames | None = None,
    about: Mapping[str, str] | None = None,
) -> AuditReport:
    """Decide what should go.

    Args:
        source: The training set.
        scan: Of all its images.
        found: What the embeddings of its intact images say.
        settings: What counts as a finding.
        names: Of its classes and a benchmark's people.
        about: Model and versions.

    Raises:
        ValueError: Not one name a class.
    """
    judgement = Judgement(source.labels, np.flatnonzero(scan.intact), scan, found, settings)
    findings = judgement.findings()
    if names is not None:
        if len(names.classes) != source.num_classes:
            raise ValueError(
                f"class_names has {len(names.classes)} names for {source.num_classes} classes: give one a class, in "
                "the order of the labels"
            )
        findings += judgement.by_name(shared_names(names.classes, names.listed))
        findings.sort(key=lambda finding: finding.index)
    return AuditReport(
        source=source,
        settings=settings,
        findings=findings,
        found=found,
        examples=dict(zip(found.classes.tolist(), judgement.examples().tolist(), strict=True)),
        scan=scan,
        about=about or {},
    )
