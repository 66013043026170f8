"""Photos to landmarks: the right face is chosen, and runs go on where they were."""

import csv
from pathlib import Path

import numpy as np
import pytest
from fake_detector import GreenFaces
from hydra import compose, initialize_config_dir
from sets import photo

from marginface.data import DataError, DataNotFoundError, encode
from marginface.data.alignment import TEMPLATE_112
from marginface.engine.preparation import prepare_data
from marginface.prepare import Faces, align_photos, detect_landmarks, read_card, read_landmarks


def faces(*boxes: tuple[float, float, float, float]) -> Faces:
    """Faces whose points are told by the left edge of their boxes."""
    points = np.stack([TEMPLATE_112 + box[0] for box in boxes]) if boxes else np.empty((0, 5, 2))
    return Faces(np.array(boxes, np.float64).reshape(-1, 4), points, np.full(len(boxes), 0.9))


class Told:
    """Finds what it is told; refuses to look at more photos than `limit`."""

    def __init__(self, found: Faces, limit: int = 100) -> None:
        self.found, self.limit, self.num_seen = found, limit, 0

    def __call__(self, image: np.ndarray) -> Faces:
        self.num_seen += 1
        if self.num_seen > self.limit:
            raise KeyboardInterrupt
        return self.found


CORNER, CENTRE = (0, 0, 60, 60), (10, 40, 90, 80)


@pytest.mark.parametrize(("choose", "left"), [("centre", 10), ("largest", 0)])
def test_one_of_several_faces_is_chosen(folder: Path, tmp_path: Path, choose: str, left: int) -> None:
    card = detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CORNER, CENTRE)), choose, progress=False)
    rows = read_landmarks(tmp_path / "l.csv")
    names = ["anna/0.jpg", "bert/0.jpg", "bert/1.jpg", "cleo/0.jpg", "cleo/1.jpg", "cleo/2.jpg"]
    assert [row.path for row in rows] == names
    assert [row.label for row in rows] == ["anna", "bert", "bert", "cleo", "cleo", "cleo"]
    np.testing.assert_allclose(rows[0].points, TEMPLATE_112 + left, atol=1e-3)
    assert (tmp_path / "l.csv").read_text().splitlines()[1].endswith(",0.9000,2")
    assert card == read_card(tmp_path / "l.card.json")
    assert align_photos(folder, tmp_path / "crops", tmp_path / "l.csv", progress=False).num_identities == 3


def test_an_interrupted_run_goes_on(folder: Path, tmp_path: Path) -> None:
    detect_landmarks(folder, tmp_path / "whole.csv", Told(faces(CENTRE)), progress=False)
    with pytest.raises(KeyboardInterrupt):
        detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CENTRE), limit=4), progress=False)
    assert not (tmp_path / "l.csv").exists()
    with (tmp_path / ".l.csv.part").open("a") as file:
        file.write("cleo/1.jpg,cl")  # killed in the middle of a line
    again = Told(faces(CENTRE))
    detect_landmarks(folder, tmp_path / "l.csv", again, progress=False)
    assert again.num_seen == 2
    assert (tmp_path / "l.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_all_faces_of_a_photo_get_crops_of_their_own(folder: Path, tmp_path: Path) -> None:
    card = detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CENTRE, CORNER)), "all", progress=False)
    assert card.num_images == 12
    rows = read_landmarks(tmp_path / "l.csv")
    assert [row.crop for row in rows[:4]] == ["anna/0_0", "anna/0_1", "bert/0_0", "bert/0_1"]
    np.testing.assert_allclose(rows[0].points, TEMPLATE_112, atol=1e-3)  # from left to right
    crops = align_photos(folder, tmp_path / "crops", tmp_path / "l.csv", progress=False)
    assert (crops.num_images, crops.num_identities) == (12, 3)
    assert (tmp_path / "crops" / "anna" / "0_0.jpg").read_bytes() != (tmp_path / "crops/anna/0_1.jpg").read_bytes()


def test_a_face_alone_keeps_the_name_of_its_photo(folder: Path, tmp_path: Path) -> None:
    detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CENTRE)), "all", progress=False)
    assert {row.crop for row in read_landmarks(tmp_path / "l.csv")} == {None}


@pytest.mark.parametrize(("limits", "num_faces"), [({"min_face_size": 50}, 1), ({"min_score": 0.8}, 2), ({}, 2)])
def test_small_and_unsure_faces_are_none(folder: Path, tmp_path: Path, limits: dict, num_faces: int) -> None:
    detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CORNER, CENTRE)), progress=False, **limits)
    with (tmp_path / "l.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert row["num_faces"] == str(num_faces)
    chosen = CORNER if num_faces == 1 else CENTRE
    assert [float(row[side]) for side in ("left", "top", "right", "bottom")] == list(chosen)
    with pytest.raises(DataError, match=r"anna/0\.jpg: the detector finds 2, all below min_face_size=0 or min_score=1"):
        detect_landmarks(folder, tmp_path / "m.csv", Told(faces(CORNER, CENTRE)), min_score=1, progress=False)


def test_points_that_are_no_numbers_are_no_face(folder: Path, tmp_path: Path) -> None:
    found = faces(CORNER, CENTRE)
    found.points[1, 2, 0] = np.nan
    detect_landmarks(folder, tmp_path / "l.csv", Told(found), progress=False)
    np.testing.assert_allclose(read_landmarks(tmp_path / "l.csv")[0].points, TEMPLATE_112, atol=1e-3)


def test_labels_are_the_folders_below_the_root(folder: Path, tmp_path: Path) -> None:
    (folder / "anna" / "2003").mkdir()
    (folder / "anna" / "0.jpg").rename(folder / "anna" / "2003" / "0.jpg")
    (folder / "top.jpg").write_bytes(encode(photo(3)))
    detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CENTRE)), progress=False)
    rows = {row.path: row.label for row in read_landmarks(tmp_path / "l.csv")}
    assert (rows["anna/2003/0.jpg"], rows["bert/0.jpg"], rows["top.jpg"]) == ("anna/2003", "bert", None)


def test_photos_without_face_are_told(folder: Path, tmp_path: Path) -> None:
    (folder / "anna" / "0.jpg").write_bytes(b"no image")
    (folder / "bert" / "0.jpg").write_bytes(encode(photo(1, 50, 50)))
    found = faces(CENTRE)

    def detector(image: np.ndarray) -> Faces:
        return faces() if len(image) == 50 else found

    card = detect_landmarks(folder, tmp_path / "l.csv", detector, progress=False)
    assert (card.num_images, card.dropped) == (4, {"no face": 1, "no intact image": 1})
    assert "bert/0.jpg,no face,the detector finds none" in (tmp_path / "failures.csv").read_text()
    with pytest.raises(DataError, match=r"none of the 6 photos below root=.* has a face; the first is anna/0\.jpg: "):
        detect_landmarks(folder, tmp_path / "m.csv", Told(faces()), progress=False)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".m")]


def test_photos_without_face_are_not_tried_again_by_a_run_that_goes_on(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        detect_landmarks(folder, tmp_path / "l.csv", Told(faces(), limit=4), progress=False)
    (folder / "anna" / "0.jpg").unlink()  # what is gone is not listed
    card = detect_landmarks(folder, tmp_path / "l.csv", again := Told(faces(CENTRE)), progress=False)
    assert (again.num_seen, card.num_images, card.dropped) == (2, 2, {"no face": 3})


def test_a_run_with_other_settings_does_not_go_on(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CENTRE), limit=4), progress=False)
    with pytest.raises(DataError, match=r"is of an interrupted run with choose=centre, now it is largest: delete it"):
        detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CENTRE)), "largest", progress=False)
    with pytest.raises(DataError, match=r"run with detector=<.*Told object>, now it is GreenFaces"):
        detect_landmarks(folder, tmp_path / "l.csv", GreenFaces(), progress=False)


def test_a_detector_that_fails_names_the_photo(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"anna/0\.jpg: the detector fails, TypeError: .* take the photo away"):
        detect_landmarks(folder, tmp_path / "l.csv", lambda photo: Faces(None, None, None), progress=False)


def test_names_that_no_list_can_hold_are_told(folder: Path, tmp_path: Path) -> None:
    try:
        (folder / "anna" / "\udce4.jpg").write_bytes(encode(photo(1)))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(DataError, match=r"anna/\\udce4\.jpg' \(1 such\) is not UTF-8: rename the file"):
        detect_landmarks(folder, tmp_path / "l.csv", GreenFaces(), progress=False)


def test_the_command_takes_any_detector_on_the_path(folder: Path, tmp_path: Path, root: Path) -> None:
    words = ["step=detect", f"root={folder}", f"out={tmp_path}/l.csv", "detect.num_workers=0", f"run_dir={tmp_path}"]
    words += ["detect.detector._target_=fake_detector.GreenFaces", "+detect.detector.min_green=0"]
    with initialize_config_dir(str(root / "conf"), version_base="1.3"):
        prepare_data(compose("prepare", [*words, "detect.choose=largest", "detect.min_face_size=20"]))
        assert len(read_landmarks(tmp_path / "l.csv")) == 6
        with pytest.raises(DataError, match="all below min_face_size=200 or min_score=0"):
            prepare_data(compose("prepare", [*words, "detect.min_face_size=200"]))


def test_bad_arguments_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="choose='first' is unknown: pass one of centre, largest, all"):
        detect_landmarks(folder, tmp_path / "l.csv", Told(faces()), "first")
    with pytest.raises(ValueError, match=r"l\.txt: pass the name of the list to write, with the ending \.csv"):
        detect_landmarks(folder, tmp_path / "l.txt", Told(faces()))
    with pytest.raises(DataNotFoundError, match=r"root=.* holds no image"):
        detect_landmarks(tmp_path / "none", tmp_path / "l.csv", Told(faces()))


def test_a_journal_that_holds_nothing_binds_to_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        detect_landmarks(folder, tmp_path / "l.csv", Told(faces(CENTRE), limit=0), progress=False)
    assert detect_landmarks(folder, tmp_path / "l.csv", GreenFaces(), "largest", progress=False).num_images == 6
    (tmp_path / ".l.csv.part").write_text("path,label\nanna/0.jpg,anna\n")
    with pytest.raises(DataError, match="is no journal of a detection: delete it"):
        detect_landmarks(folder, tmp_path / "l.csv", GreenFaces(), progress=False)
