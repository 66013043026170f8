"""Planted errors are found, each as what it is."""

import numpy as np
from planted import EACH, NUM_CLASSES, Planted, dropped

from marginface.audit import (
    SetNames,
)


def test_a_mislabelled_image_is_dropped_and_its_right_class_named(planted: Planted) -> None:
    wrong = planted.add(label=2, person=7)
    report = planted.audit()
    assert dropped(report) == {(wrong, "label_noise")}
    assert "with class 7" in report.findings[0].why
    assert report.source.labels[report.findings[0].other] == 7


def test_a_face_of_nobody_is_label_noise(planted: Planted) -> None:
    wrong = planted.add(label=2, person=25)
    assert dropped(planted.audit()) == {(wrong, "label_noise")}


def test_two_images_that_disagree_are_both_listed_and_it_is_said_why(planted: Planted) -> None:
    """Either may be the wrong one."""
    pair = [planted.add(label=NUM_CLASSES, person=person) for person in (20, 21)]
    report = planted.audit()
    assert dropped(report) == {(index, "label_noise") for index in pair}
    assert all("with the only other image of its class" in finding.why for finding in report.findings)


def test_an_exact_copy_is_dropped_the_first_stays(planted: Planted) -> None:
    copy = planted.add(label=3, person=3, image=planted.images[3 * EACH], row=planted.rows[3 * EACH])
    report = planted.audit()
    assert dropped(report) == {(copy, "exact_duplicate")}
    assert report.findings[0].other == 3 * EACH


def test_of_copies_under_two_labels_the_wrong_label_goes(planted: Planted) -> None:
    """Even if the wrong one comes first."""
    first = EACH * 3
    planted.images[first], planted.rows[first] = planted.images[EACH * 5], planted.rows[EACH * 5]
    assert dropped(planted.audit()) == {(first, "exact_duplicate"), (first, "label_noise")}


def test_a_recompressed_copy_is_a_near_duplicate(planted: Planted) -> None:
    row = planted.rows[4 * EACH] + 0.01 * planted.centres[30]
    within = planted.add(label=4, person=4, row=row)
    (finding,) = planted.audit().findings
    assert (finding.reason, {finding.index, finding.other}) == ("near_duplicate", {4 * EACH, within})
    assert finding.score > 0.99


def test_a_near_copy_in_another_class_is_found(planted: Planted) -> None:
    across = planted.add(label=8, person=4, row=planted.rows[4 * EACH] + 0.01 * planted.centres[30])
    assert dropped(planted.audit()) == {(across, "near_duplicate"), (across, "label_noise")}


def test_of_a_chain_of_near_copies_one_stays(planted: Planted) -> None:
    copies = [4 * EACH] + [planted.add(4, 4, row=planted.rows[4 * EACH] * scale) for scale in (0.5, 2.0)]
    report = planted.audit()
    assert {reason for _, reason in dropped(report)} == {"near_duplicate"}
    assert len({index for index, _ in dropped(report)} & set(copies)) == 2 == report.num_dropped


def test_a_person_with_two_labels_is_told_but_not_dropped(planted: Planted) -> None:
    for _ in range(EACH):
        planted.add(label=NUM_CLASSES, person=1)
    report = planted.audit(other_margin=0.0)
    assert (report.found.same.first.tolist(), report.found.same.second.tolist()) == ([1], [NUM_CLASSES])
    assert report.findings == []


def test_a_person_of_a_benchmark_is_found(planted: Planted) -> None:
    lfw = np.concatenate([planted.centres[20:24], planted.row(6)[None]])
    report = planted.audit({"cfp": planted.centres[24:26], "lfw": lfw})
    assert dropped(report) == {(index, "benchmark_overlap") for index in range(6 * EACH, 7 * EACH)}
    assert report.findings[0].why == "its class is like image 4 of lfw"
    (overlap,) = report.as_json()["benchmark_overlap"]
    assert (overlap["benchmark"], overlap["label"], overlap["image"]) == ("lfw", 6, 4)


def test_a_name_of_a_benchmark_is_found(planted: Planted) -> None:
    classes = [[f"person_{label}"] for label in range(NUM_CLASSES)]
    report = planted.audit(names=SetNames(classes=classes, listed=["Person 5", "Nobody"]))
    assert dropped(report) == {(index, "benchmark_name") for index in range(5 * EACH, 6 * EACH)}


def test_a_name_like_one_of_a_benchmark_is_told_but_not_dropped(planted: Planted) -> None:
    classes = [[f"Person Number {label}"] for label in range(NUM_CLASSES)]
    report = planted.audit(names=SetNames(classes=classes, listed=["Number 5 Person", "Person 3"]))
    assert report.findings == []
    near = [(each["label"], each["listed"], each["how"]) for each in report.as_json()["near_names"]]
    assert near == [(3, "Person 3", "middle names"), (5, "Number 5 Person", "the order of words")]
