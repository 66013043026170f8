"""All that an audit has found, in one object that becomes JSON.

Shapes: N images of the source.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marginface.audit.comparison import Comparison
from marginface.audit.finding import REASONS, Finding
from marginface.audit.judgement import Judgement
from marginface.audit.names import NearName, SetNames, near_names, shared_names
from marginface.audit.scan import ImageScan
from marginface.audit.settings import AuditSettings
from marginface.audit.statistics import class_sizes, size_histogram, spread
from marginface.data.drop_list import labels_digest
from marginface.data.source import FaceSource

GREY = 2.0  # a colour below this is what compression leaves of none


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
        near: Classes with a name like that of a person of a benchmark; None where no names were compared.
        about: Model and versions, for the reader.
    """

    source: FaceSource
    settings: AuditSettings
    findings: Sequence[Finding]
    found: Comparison
    examples: Mapping[int, int]
    scan: ImageScan
    near: Sequence[NearName] | None
    about: Mapping[str, str]

    def not_looked_at(self) -> dict[str, str]:
        """Why nothing is known of these: keys of :data:`REASONS`, and ``same_identity``."""
        why = {} if self.near is not None else {"benchmark_name": "no names= were given"}
        if not self.found.embedded:
            model = "embeddings=false: no model was asked"
            return dict.fromkeys(("near_duplicate", "label_noise", "benchmark_overlap", "same_identity"), model) | why
        return why if self.found.overlap else {"benchmark_overlap": "no benchmark= was given"} | why

    def counts(self) -> dict[str, int]:
        """Findings by reason, in the order of :data:`REASONS`; only those that were looked for."""
        counted, omitted = Counter(finding.reason for finding in self.findings), self.not_looked_at()
        return {reason: counted[reason] for reason in REASONS if reason not in omitted}

    def overlaps(self) -> dict[str, NDArray[np.int64]]:
        """Places in ``found.classes`` of the classes that show a person of a benchmark, the nearest first."""
        places = {}
        for name, each in self.found.overlap.items():
            reaching = np.flatnonzero(each.cosine >= self.settings.benchmark_overlap)
            places[name] = reaching[np.argsort(-each.cosine[reaching], kind="stable")]
        return places

    @property
    def num_dropped(self) -> int:
        """Images with a finding; one may have several."""
        return len({finding.index for finding in self.findings})

    def notes(self) -> list[str]:
        """What a reader has to know about the lists."""
        capped = {"near duplicates": self.found.near.capped, "classes that look the same": self.found.same.capped}
        notes = [
            f"there are more {what} than settings.num_pairs={self.settings.num_pairs} keeps: raise it, or clean and "
            "audit again"
            for what, more in capped.items()
            if more
        ]
        if self.settings.near_classes is not None and self.found.embedded:
            notes.append(
                f"settings.near_classes={self.settings.near_classes}: near duplicates were sought within each class "
                "and between it and that many classes nearest to it, not among all"
            )
        notes += [
            f"{len(places)} of {len(self.found.classes)} classes are like an image of {name}: is it made of the same "
            "people by design, or does this model tell people apart too poorly for settings.benchmark_overlap="
            f"{self.settings.benchmark_overlap}?"
            for name, places in self.overlaps().items()
            if 2 * len(places) >= len(self.found.classes)
        ]
        return notes

    def quality(self) -> dict[str, NDArray[np.generic]]:
        """What was measured of each image, (N,) each, by name."""
        scan = self.scan
        return {
            "brightness": scan.brightness,
            "sharpness": scan.sharpness,
            "detail": scan.detail,
            "colour": scan.colour,
            "bytes": scan.num_bytes,
        }

    def grey_share(self) -> float:
        """Share of the intact images that have no colour; 0 where none is intact."""
        return float((self.scan.colour[self.scan.intact] < GREY).sum() / max(1, self.scan.intact.sum()))

    def statistics(self) -> dict[str, Mapping[str, float]]:
        """Numbers about classes and images, by topic."""
        labels, own = self.source.labels, spread(self.found.own)
        topics = {
            "images per class": class_sizes(labels, self.source.num_classes),
            "classes by size": size_histogram(labels),
            **{topic: spread(values) for topic, values in self.quality().items()},
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
            "not_looked_at": self.not_looked_at(),
            "num_dropped": self.num_dropped,
            "notes": self.notes(),
            "statistics": self.statistics(),
            "grey_share": self.grey_share(),
            "near_names": [each._asdict() for each in self.near or ()],
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
                for place in np.sort(self.overlaps()[name])
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
        names.check(source.num_classes)
        findings += judgement.by_name(shared_names(names.classes, names.listed))
        findings.sort(key=lambda finding: finding.index)
    return AuditReport(
        source=source,
        settings=settings,
        findings=findings,
        found=found,
        examples=dict(zip(found.classes.tolist(), judgement.examples().tolist(), strict=True)),
        scan=scan,
        near=None if names is None else near_names(names.classes, names.listed),
        about=about or {},
    )
