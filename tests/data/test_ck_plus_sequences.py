"""Lists and folds of CK+, and what is said of damaged ones."""

import re
import shutil
from pathlib import Path

import pytest

from marginface.data.ck_plus_sequences import EXPRESSIONS, IMAGES, LABELS, check_settings, read_part, read_sequences
from marginface.data.errors import DataError, DataNotFoundError, LabelError


def add(root: Path, subject: str, sequence: str, code: str, frames: range, peak: int | None = None) -> Path:
    """A labelled sequence with empty images; returns its label."""
    folder = root / IMAGES / subject / sequence
    folder.mkdir(parents=True, exist_ok=True)
    for number in frames:
        (folder / f"{subject}_{sequence}_{number:08d}.png").touch()
    (root / LABELS / subject / sequence).mkdir(parents=True, exist_ok=True)
    number = frames[-1] if peak is None else peak
    label = root / LABELS / subject / sequence / f"{subject}_{sequence}_{number:08d}_emotion.txt"
    label.write_text(f"   {code}\n")
    return label


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Subjects S010 to S021, one sequence of five frames each; expressions in turn."""
    for k in range(12):
        add(tmp_path, f"S{10 + k:03d}", "001", f"{k % 7 + 1}.0000000e+00", range(1, 6))
    return tmp_path


def names(root: Path, fold: int, held_out: bool, **options) -> list[str]:
    return [each.name for each in read_part(root, fold, held_out=held_out, **options).sequences]


def test_codes_frames_and_places_are_read(tmp_path: Path) -> None:
    add(tmp_path, "S011", "003", "7.0000000e+00", range(1, 15))
    add(tmp_path, "S005", "001", "3.0000000e+00", range(1, 12))
    add(tmp_path, "S005", "002", "1", range(4, 8), peak=6)  # a frame after the peak
    (tmp_path / LABELS / "S999" / "001").mkdir(parents=True)  # no label: as in most sequences of CK+
    (tmp_path / LABELS / "S005" / ".DS_Store").touch()
    first, second, third = read_sequences(tmp_path)
    assert [(s.subject, s.name, EXPRESSIONS[s.expression]) for s in (first, second, third)] == [
        (0, "S005/001", "disgust"),
        (0, "S005/002", "anger"),
        (1, "S011/003", "surprise"),
    ]
    assert first.frames == tuple(f"cohn-kanade-images/S005/001/S005_001_{n:08d}.png" for n in (9, 10, 11))
    assert [frame[-6:-4] for frame in second.frames] == ["04", "05", "06"]
    assert [frame[-6:-4] for frame in read_sequences(tmp_path, 1)[2].frames] == ["14"]


def test_every_tenth_subject_is_in_a_fold(root: Path) -> None:
    assert names(root, 0, True) == ["S010/001", "S020/001"]
    assert names(root, 9, True) == ["S019/001"]


@pytest.mark.parametrize("fold", range(10))
def test_no_subject_is_on_both_sides(root: Path, fold: int) -> None:
    inside, outside = names(root, fold, True), names(root, fold, False)
    assert not set(inside) & set(outside)
    assert sorted(inside + outside) == [f"S{10 + k:03d}/001" for k in range(12)]


def test_missing_images_fail_or_are_counted_and_move_no_other_subject(root: Path) -> None:
    shutil.rmtree(root / IMAGES / "S010")
    (root / IMAGES / "S011" / "001" / "S011_001_00000005.png").unlink()  # the peak
    with pytest.raises(
        DataNotFoundError, match=r"2 of 11 labelled sequences .* first is S010/001: .*on_missing=exclude"
    ):
        read_part(root, 2, held_out=False)
    part = read_part(root, 2, held_out=False, on_missing="exclude")
    assert (len(part.sequences), part.num_excluded) == (9, 2)
    assert names(root, 2, True) == ["S012/001"]  # of the fold itself, nothing is missing: it is still the third subject
    assert read_part(root, 0, held_out=True, on_missing="exclude").num_excluded == 1


def test_too_few_frames_count_as_missing(root: Path) -> None:
    assert len(names(root, 0, True, num_frames=5)) == 2
    with pytest.raises(DataNotFoundError, match=r"2 of 2 labelled sequences lack images.* last 6 frames"):
        read_part(root, 0, held_out=True, num_frames=6)


def test_a_fold_without_subject_is_refused(tmp_path: Path) -> None:
    add(tmp_path, "S010", "001", "1", range(1, 5))
    with pytest.raises(
        DataNotFoundError, match=r"no sequence is left for fold 3; there are 1 labelled subjects \(1 seq"
    ):
        read_part(tmp_path, 3, held_out=True)
    with pytest.raises(DataNotFoundError, match="no sequence is left for the folds other than 0"):
        read_part(tmp_path, 0, held_out=False)


@pytest.mark.parametrize("text", ["0.0000000e+00", "8", "-1", "2.5", "nan", "inf", "happy", "", "1 2", "ü"])
def test_a_label_that_is_no_code_is_refused(root: Path, text: str) -> None:
    label = add(root, "S010", "001", "", range(1, 6))
    label.write_text(text)
    with pytest.raises(
        LabelError, match=rf"{re.escape(str(label))}: holds .*no code of an expression: 1 anger, 2 cont"
    ):
        read_sequences(root)


@pytest.mark.parametrize("name", ["S010_002_00000005_emotion.txt", "S010_001_5_emotion.txt", "notes.txt"])
def test_a_label_of_another_name_is_refused(root: Path, name: str) -> None:
    label = root / LABELS / "S010" / "001" / "S010_001_00000005_emotion.txt"
    label.rename(label.with_name(name))
    with pytest.raises(DataError, match=rf"{name}: expected a name such as S010_001_00000011_emotion.txt"):
        read_sequences(root)


def test_two_labels_of_a_sequence_are_refused(root: Path) -> None:
    add(root, "S010", "001", "2", range(1, 6), peak=4)
    with pytest.raises(DataError, match=r"S010/001: 2 labels \(S010_001_00000004_emotion.txt, S010_001_00000005_em"):
        read_sequences(root)


@pytest.mark.parametrize("name", ["S10", "s010", "010", "S0100", "S010 (copy)"])
def test_a_malformed_subject_is_refused(root: Path, name: str) -> None:
    (root / LABELS / name).mkdir()
    with pytest.raises(DataError, match=rf"{re.escape(repr(name))} is no name of CK\+ such as S005"):
        read_sequences(root)


def test_a_malformed_sequence_is_refused(root: Path) -> None:
    (root / LABELS / "S010" / "1").mkdir()
    with pytest.raises(DataError, match=r"'1' is no name of CK\+ such as 001"):
        read_sequences(root)


def test_missing_data_say_where_they_come_from_and_what_was_found(tmp_path: Path) -> None:
    origin = r"S005_001_00000011_emotion.txt .*Lucey et al., CVPR workshops 2010.* by application"
    with pytest.raises(DataNotFoundError, match=rf"nowhere: there is no such folder; .*{origin}"):
        check_settings(tmp_path / "nowhere", 0, 3, "fail")
    (tmp_path / IMAGES).mkdir()
    with pytest.raises(DataNotFoundError, match=rf"has no folder Emotion; .*{origin}.* holds cohn-kanade-images"):
        read_sequences(tmp_path)
    (tmp_path / LABELS / "S005" / "001").mkdir(parents=True)
    with pytest.raises(DataNotFoundError, match=rf"hold no \*_emotion.txt; .*{origin}.*holds S005"):
        read_sequences(tmp_path)


@pytest.mark.parametrize("fold", [-1, 10, None, True, "3", 2.5])
def test_a_fold_that_there_is_not_is_refused(root: Path, fold: object) -> None:
    with pytest.raises(ValueError, match=rf"fold={fold!r} is none of 0 to 9: .*data.source.fold=0"):
        check_settings(root, fold, 3, "fail")


def test_other_settings_out_of_range_are_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="num_frames=0 is less than 1"):
        check_settings(root, 0, 0, "fail")
    with pytest.raises(ValueError, match="on_missing='skip' is unknown; choose 'fail' or 'exclude'"):
        check_settings(root, 0, 3, "skip")
