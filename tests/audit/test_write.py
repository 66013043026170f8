"""The files of an audit, of a set with a few planted errors."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from marginface.audit import (
    AuditReport,
    AuditSettings,
    SetNames,
    TrainingImages,
    clean,
    compare,
    judge,
    metrics,
    scan_images,
    summary,
    without_embeddings,
    write_audit,
)
from marginface.audit.duplicates import first_of_each
from marginface.data import DataError, FaceRecords, encode, write_face_records
from marginface.data.image_set import ImageSet
from marginface.data.kept import KeptFaces
from marginface.embedding import Embeddings

EACH, SIZE = 4, (16, 16)
COPY, WRONG, DAMAGED = 3, 6, 9  # in classes 0, 1 and 2
OF_LFW = [b"no image", b"nor this"]


@pytest.fixture
def source(tmp_path: Path) -> FaceRecords:
    rng = np.random.default_rng(0)
    images = [encode(rng.integers(0, 255, (*SIZE, 3)).astype(np.uint8)) for _ in range(4 * EACH)]
    images[COPY], images[DAMAGED] = images[0], b"damaged"
    write_face_records(tmp_path / "set", [(i // EACH, image) for i, image in enumerate(images)], image_size=SIZE)
    return FaceRecords(tmp_path / "set")


@pytest.fixture
def report(source: FaceRecords) -> AuditReport:
    rng = np.random.default_rng(1)
    people = source.labels.copy()
    people[WRONG] = 2
    rows = np.eye(8)[people] + rng.normal(0, 0.15, (len(source), 8))
    rows[COPY] = rows[0]
    scan, settings = scan_images(source), AuditSettings(near_duplicate=1.0)
    training = TrainingImages(source, scan)
    embeddings, lfw = (
        Embeddings.of(torch.from_numpy(part.astype(np.float32))) for part in (rows[training.index], np.eye(8)[[7, 3]])
    )
    distinct = first_of_each(scan.digest[training.index])
    found = compare(embeddings, training.labels, distinct, settings, {"l<f>w": lfw})
    names = SetNames(classes=[["a"], ["b"], ["c"], ["d"]], listed=["D"])
    return judge(source, scan, found, settings, names, {"model": "<b>mine</b>"})


def write(report: AuditReport, folder: Path, num_shown: int = 48) -> tuple[dict, str]:
    page = write_audit(folder, report, {"l<f>w": ImageSet(OF_LFW)}, num_shown)
    return json.loads((folder / "audit.json").read_text()), page.read_text(encoding="utf-8")


def test_the_machine_readable_list(report: AuditReport, source: FaceRecords, tmp_path: Path) -> None:
    written, _ = write(report, tmp_path / "out")
    found = [(entry["index"], entry["label"], entry["reason"]) for entry in written["drop"]]
    of_benchmark = [(i, 3, reason) for i in range(12, 16) for reason in ("benchmark_overlap", "benchmark_name")]
    expected = [(COPY, 0, "exact_duplicate"), (WRONG, 1, "label_noise"), (DAMAGED, 2, "damaged"), *of_benchmark]
    assert found == expected
    assert written["counts"] == {
        **{"damaged": 1, "exact_duplicate": 1, "near_duplicate": 0, "label_noise": 1},
        **{"benchmark_overlap": 4, "benchmark_name": 4},
    }
    assert written["num_dropped"] == 7
    copy, _, damaged = written["drop"][:3]
    assert (copy["where"], copy["other"], copy["score"]) == (source.where(COPY), 0, 1.0)
    assert (damaged["other"], damaged["score"]) == (None, None)
    assert written["source"]["num_images"] == 16
    assert written["statistics"]["images per class"]["median"] == EACH


def test_the_metrics_are_flat_numbers(report: AuditReport, tmp_path: Path) -> None:
    write(report, tmp_path)
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert all(isinstance(value, (int, float)) for value in found.values())
    expected = {
        **{"num_images": 16, "num_identities": 4, "num_dropped": 7, "same_identity": 0, "near_names": 0},
        **{"dropped/damaged": 1, "dropped/exact_duplicate": 1, "dropped/near_duplicate": 0, "dropped/label_noise": 1},
        **{"dropped/benchmark_overlap": 4, "dropped/benchmark_name": 4, "overlap/l<f>w": 1, "grey_share": 0},
        "images_per_class/median": EACH,
    }
    assert {name: found[name] for name in expected} == expected
    assert {f"{name}/1%" for name in ("brightness", "sharpness", "detail", "colour", "bytes", "own_cosine")} < set(
        found
    )


def test_what_was_not_looked_at_has_no_metric(report: AuditReport) -> None:
    unknown = without_embeddings(report.source.labels[report.scan.intact])
    bare = dataclasses.replace(report, found=unknown, near=None, findings=[])
    found = metrics(bare)
    assert not {"same_identity", "near_names", "dropped/label_noise", "own_cosine/median"} & set(found)
    assert found["dropped/exact_duplicate"] == 0


def test_the_page_stands_alone(report: AuditReport, tmp_path: Path) -> None:
    _, page = write(report, tmp_path)
    assert not re.search(r"<script|https?://|src=\"(?!data:)|url\(", page)
    assert "prefers-color-scheme: dark" in page
    assert "7 of 16 images should go" in page
    assert "no picture" in page  # of the damaged image
    assert "<b>mine" not in page
    assert "also class 1" in page  # beside the image under the wrong label, another one of its class
    assert "Classes that show a person of l&lt;f&gt;w" in page


def test_the_page_shows_no_more_than_it_is_told(report: AuditReport, tmp_path: Path) -> None:
    _, page = write(report, tmp_path, num_shown=0)
    assert "data:image/jpeg" not in page
    assert "1 found, 0 shown" in page


def test_the_summary_counts(report: AuditReport) -> None:
    lines = summary(report).splitlines()
    assert lines[0] == "16 images of 4 classes, 4 to 4 a class, median 4"
    assert {"exact_duplicate    1", "benchmark_name     4", "to drop            7 images"} <= set(lines)


def test_cleaning_needs_no_new_pack(report: AuditReport, source: FaceRecords, tmp_path: Path) -> None:
    write(report, tmp_path)
    before = (tmp_path / "set" / "train.rec").read_bytes()
    target = tmp_path / "set" / "drop.txt"
    kept = clean(source, tmp_path / "audit.json", target)
    assert (len(kept), kept.num_classes, kept.num_dropped_images, kept.num_dropped_classes) == (9, 3, 7, 1)
    np.testing.assert_array_equal(KeptFaces(source, target).kept, kept.kept)
    assert (tmp_path / "set" / "train.rec").read_bytes() == before
    assert len(clean(source, tmp_path / "audit.json", target, ["damaged", "label_noise"])) == 14


def test_a_set_that_has_changed_is_not_cleaned(report: AuditReport, tmp_path: Path) -> None:
    write(report, tmp_path)
    write_face_records(tmp_path / "set", [(0, b"a"), (1, b"b")], image_size=SIZE)
    with pytest.raises(DataError, match="was made for a set with other labels"):
        clean(FaceRecords(tmp_path / "set"), tmp_path / "audit.json", tmp_path / "drop.txt")
    assert not (tmp_path / "drop.txt").exists()
