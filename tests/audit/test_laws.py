"""What holds of every audit; a clean set has no findings."""

import json
from pathlib import Path

import numpy as np
import pytest
from planted import DIM, EACH, NUM_CLASSES, Faces, Planted, dropped

from marginface.audit import (
    AuditSettings,
    SetNames,
    TrainingImages,
    scan_images,
    write_audit,
)
from marginface.data import encode
from marginface.data.drop_list import DropList
from marginface.data.kept import KeptFaces


def test_a_clean_set_has_an_empty_drop_list(planted: Planted) -> None:
    strangers = planted.centres[20:30]
    report = planted.audit({"lfw": strangers})
    assert report.findings == []
    assert report.notes() == []
    assert report.num_dropped == 0
    assert len(report.found.same.cosine) == 0


def test_without_embeddings_nothing_is_said_of_what_needs_them(planted: Planted) -> None:
    copy = planted.add(label=3, person=7, image=planted.images[3 * EACH])
    planted.add(label=2, person=9)  # mislabelled, which no bytes tell
    damaged = planted.add(label=0, person=0, image=b"no image")
    report = planted.audit_bytes()
    assert dropped(report) == {(copy, "exact_duplicate"), (damaged, "damaged")}
    unknown = {"near_duplicate", "label_noise", "benchmark_overlap", "same_identity", "benchmark_name"}
    written = report.as_json()
    assert set(written["not_looked_at"]) == unknown
    assert written["counts"] == {"damaged": 1, "exact_duplicate": 1}
    assert "cosine with the own class" not in written["statistics"]
    assert report.examples[3] == 3 * EACH


def test_a_set_of_damaged_images_alone_is_reported_too(planted: Planted, tmp_path: Path) -> None:
    planted.images = [b"no image"] * len(planted.images)
    report = planted.audit_bytes()
    assert report.counts() == {"damaged": NUM_CLASSES * EACH, "exact_duplicate": 0}
    page = write_audit(tmp_path, report).read_text()
    assert "60 of 60 images should go" in page
    assert "Darkest" not in page
    assert json.loads((tmp_path / "metrics.json").read_text())["grey_share"] == 0


def test_what_was_not_asked_for_was_not_looked_at(planted: Planted) -> None:
    assert set(planted.audit().not_looked_at()) == {"benchmark_overlap", "benchmark_name"}
    names = SetNames(classes=[["a"]] * NUM_CLASSES, listed=["b"])
    assert planted.audit({"lfw": planted.centres[20:24]}, names).not_looked_at() == {}


def test_a_benchmark_of_the_same_people_is_remarked_upon(planted: Planted) -> None:
    few, most = planted.centres[:2], planted.centres[: NUM_CLASSES // 2]
    assert planted.audit({"lfw": few}).notes() == []
    (note,) = planted.audit({"lfw": most}).notes()
    assert note.startswith("5 of 10 classes are like an image of lfw: is it made of the same people by design")


def test_near_copies_are_sought_among_neighbours_only_if_told_so(planted: Planted) -> None:
    row = planted.rows[4 * EACH]
    within = planted.add(label=4, person=4, row=row * 2)
    across = planted.add(label=8, person=4, row=row + 0.01 * planted.centres[30])
    planted.add(label=8, person=9)  # the neighbour that class 8 is nearest to, beside class 4
    everything = planted.audit()
    (note,) = planted.audit(near_classes=1).notes()
    assert note.startswith("settings.near_classes=1: near duplicates were sought within each class")
    for near_classes in (NUM_CLASSES - 1, 5000):
        same = planted.audit(near_classes=near_classes)
        assert dropped(same) == dropped(everything)
        np.testing.assert_array_equal(same.found.near.cosine, everything.found.near.cosine)
    assert {(across, "near_duplicate"), (within, "near_duplicate")} & dropped(everything)


def test_names_must_fit_the_classes(planted: Planted) -> None:
    with pytest.raises(ValueError, match="class_names has 1 names for 10 classes"):
        planted.audit(names=SetNames(classes=[["a"]], listed=["a"]))


def test_a_damaged_image_is_dropped_and_not_embedded(planted: Planted) -> None:
    cut = planted.add(label=0, person=0, image=planted.images[0][:60], row=np.full(DIM, np.nan))
    small = planted.add(label=0, person=0, image=encode(np.zeros((8, 8, 3), np.uint8)), row=np.full(DIM, np.nan))
    report = planted.audit()
    assert dropped(report) == {(cut, "damaged"), (small, "damaged")}
    assert np.isnan(report.scan.brightness[[cut, small]]).all()


def test_later_images_keep_their_numbers_after_a_damaged_one(planted: Planted) -> None:
    planted.images[1] = b"no image"
    wrong = planted.add(label=2, person=7)
    assert dropped(planted.audit()) == {(1, "damaged"), (wrong, "label_noise")}


def test_no_intact_image_is_an_error() -> None:
    source = Faces([b"none", b""], [0, 1])
    with pytest.raises(ValueError, match="none of the 2 images, such as face 0, is an intact image of 16 x 16"):
        TrainingImages(source, scan_images(source))


def test_one_class_alone_and_single_images_can_be_audited(planted: Planted) -> None:
    del planted.images[3:], planted.labels[3:], planted.rows[3:]
    report = planted.audit()
    assert report.findings == []
    planted.add(label=1, person=1)  # an only image has no other to agree with
    assert planted.audit().findings == []


def test_the_cap_is_told(planted: Planted) -> None:
    for _ in range(4):
        planted.add(0, 0, row=planted.rows[0] * 2)
    assert planted.audit(num_pairs=3).notes() == [
        "there are more near duplicates than settings.num_pairs=3 keeps: raise it, or clean and audit again"
    ]
    assert planted.audit().notes() == []


def test_a_cleaned_set_is_clean(planted: Planted) -> None:
    planted.add(label=2, person=7)
    planted.add(label=3, person=3, image=planted.images[3 * EACH], row=planted.rows[3 * EACH])
    planted.add(label=4, person=4, row=planted.rows[4 * EACH] * 2)
    planted.add(label=0, person=0, image=b"")
    lfw = {"lfw": planted.row(0)[None]}
    report = planted.audit(lfw)
    assert len({reason for _, reason in dropped(report)}) == 5
    drop = np.unique([finding.index for finding in report.findings])
    kept = KeptFaces(report.source, DropList(drop))
    assert kept.num_classes == NUM_CLASSES - 1
    planted.images, planted.labels = [kept.read(i) for i in range(len(kept))], kept.labels.tolist()
    planted.rows = [planted.rows[i] for i in kept.kept]
    assert planted.audit(lfw).findings == []


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("own_cosine", 2.0, "own_cosine=2.0 is no cosine"),
        ("near_duplicate", float("nan"), "near_duplicate=nan is no cosine"),
        ("other_margin", -0.1, "other_margin=-0.1 is no difference"),
        ("num_pairs", 0, "num_pairs=0 keeps no pair"),
        ("near_classes", 0, "near_classes=0 is no number of classes"),
    ],
)
def test_a_setting_out_of_range_is_refused(setting: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AuditSettings(**{setting: value})


def test_numbers_do_not_depend_on_the_order_of_the_images(planted: Planted) -> None:
    """Classes need not be contiguous."""
    planted.add(label=2, person=7)
    order = np.random.default_rng(1).permutation(len(planted.images))
    before = planted.audit().findings[0]
    planted.images = [planted.images[i] for i in order]
    planted.labels = [planted.labels[i] for i in order]
    planted.rows = [planted.rows[i] for i in order]
    (after,) = planted.audit().findings
    assert order[after.index] == before.index
    assert after.score == pytest.approx(before.score, abs=1e-6)
    assert order[after.other] == before.other
