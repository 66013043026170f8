"""A clean training set to which errors are added."""

import numpy as np
import torch

from marginface.audit import (
    AuditReport,
    AuditSettings,
    SetNames,
    TrainingImages,
    compare,
    judge,
    scan_images,
    without_embeddings,
)
from marginface.audit.duplicates import first_of_each
from marginface.data import encode
from marginface.embedding import Embeddings

DIM, EACH, NUM_CLASSES = 32, 6, 10


class Faces:
    """A training set in memory."""

    def __init__(self, images: list[bytes], labels: list[int]) -> None:
        self.images, self.labels = images, np.array(labels)
        self.num_classes, self.image_size = int(self.labels.max()) + 1, (16, 16)

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> bytes:
        return self.images[index]

    def where(self, index: int) -> str:
        return f"face {index}"


class Planted:
    """A clean set of well separated classes, to which errors are added."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.centres = np.linalg.qr(self.rng.normal(size=(DIM, DIM)))[0]
        self.images, self.labels, self.rows = [], [], []
        for label in range(NUM_CLASSES):
            for _ in range(EACH):
                self.add(label, label)

    def picture(self) -> bytes:
        return encode(self.rng.integers(0, 255, (16, 16, 3)).astype(np.uint8))

    def row(self, person: int) -> np.ndarray:
        noise = self.rng.normal(size=DIM)
        return 3 * (self.centres[person] + 0.6 * noise / np.linalg.norm(noise))

    def add(self, label: int, person: int, image: bytes | None = None, row: np.ndarray | None = None) -> int:
        self.images.append(self.picture() if image is None else image)
        self.rows.append(self.row(person) if row is None else row)
        self.labels.append(label)
        return len(self.images) - 1

    def audit(
        self, others: dict[str, np.ndarray] | None = None, names: SetNames | None = None, **settings: float
    ) -> AuditReport:
        source, chosen = Faces(self.images, self.labels), AuditSettings(**settings)
        scan = scan_images(source)
        training = TrainingImages(source, scan)
        rows = self._embedded(np.array(self.rows)[training.index])
        benchmarks = {name: self._embedded(each) for name, each in (others or {}).items()}
        distinct = first_of_each(scan.digest[training.index])
        return judge(source, scan, compare(rows, training.labels, distinct, chosen, benchmarks), chosen, names)

    def audit_bytes(self) -> AuditReport:
        source = Faces(self.images, self.labels)
        scan = scan_images(source)
        return judge(source, scan, without_embeddings(source.labels[scan.intact]), AuditSettings())

    @staticmethod
    def _embedded(rows: np.ndarray) -> Embeddings:
        return Embeddings.of(torch.from_numpy(np.asarray(rows, np.float32)))


def dropped(report: AuditReport) -> set[tuple[int, str]]:
    return {(finding.index, finding.reason) for finding in report.findings}
