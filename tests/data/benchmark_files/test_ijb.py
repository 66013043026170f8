"""The lists of IJB packs: what is read from them, and every way in which they can be damaged."""

from pathlib import Path

import numpy as np
import pytest

from marginface.data.benchmark_files.ijb import IjbPack
from marginface.data.errors import DataError, DataNotFoundError

POINTS = "1 2 3 4 5 6 7 8 9.5 10"
HEADER = "TEMPLATE_ID,SUBJECT_ID,FILENAME\n"
LISTS = {
    "face_tid_mid.txt": "b.jpg 7 70\na.jpg 7 71\nc.jpg 3 72\na.jpg 3 71\n",
    "name_5pts_score.txt": f"a.jpg {POINTS} 0.5\nc.jpg {POINTS} 0.75\nb.jpg {POINTS} 0.999\n",
    "template_pair_label.txt": "3 7 0\n3 9 1\n",
    "1N_gallery_G1.csv": f"{HEADER}7,70,x\n7,70,y\n5,50,z\n",
    "1N_gallery_G2.csv": f"{HEADER}4,40,\n",
    "1N_probe_mixed.csv": f"{HEADER}9,70,\n",
}


@pytest.fixture
def pack(tmp_path: Path) -> IjbPack:
    (tmp_path / "meta").mkdir()
    for name, text in LISTS.items():
        (tmp_path / "meta" / f"ijbc_{name}").write_text(text)
    return IjbPack(tmp_path, "ijbc")


def rewrite(pack: IjbPack, name: str, text: str) -> None:
    assert pack.list_path(name).is_file()
    pack.list_path(name).write_text(text)


def test_members_are_listed_by_distinct_image(pack: IjbPack) -> None:
    members = pack.members()
    assert members.names == ["b.jpg", "a.jpg", "c.jpg"]
    assert members.image.tolist() == [0, 1, 2, 1]
    assert members.template.tolist() == [7, 7, 3, 3]
    assert members.media.tolist() == [70, 71, 72, 71]


def test_landmarks_are_found_by_name(pack: IjbPack) -> None:
    faces = pack.faces()
    assert faces.row == {"a.jpg": 0, "c.jpg": 1, "b.jpg": 2}
    assert faces.landmarks.shape == (3, 5, 2)
    assert faces.landmarks[1].tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9.5, 10]]
    np.testing.assert_allclose(faces.score, [0.5, 0.75, 0.999])
    assert (faces.landmarks.dtype, faces.score.dtype) == (np.float32, np.float32)


def test_pairs_keep_little_memory(pack: IjbPack) -> None:
    pairs = pack.pairs()
    assert (pairs.first.tolist(), pairs.second.tolist(), pairs.same.tolist()) == ([3, 3], [7, 9], [False, True])
    assert [part.dtype for part in pairs] == [np.int32, np.int32, np.bool_]


def test_a_template_of_several_images_is_enrolled_once(pack: IjbPack) -> None:
    galleries = pack.galleries()
    assert list(galleries) == ["gallery1", "gallery2"]
    assert [part.tolist() for part in galleries["gallery1"]] == [[5, 7], [50, 70]]
    assert [part.tolist() for part in pack.probes()] == [[9], [70]]


@pytest.mark.parametrize(("edition", "letter"), [("ijbb", "S"), ("ijbc", "G")])
def test_the_two_editions_name_their_galleries_differently(tmp_path: Path, edition: str, letter: str) -> None:
    pack = IjbPack(tmp_path, edition)
    assert not pack.has_subjects
    (tmp_path / "meta").mkdir()
    for name in (f"gallery_{letter}1", f"gallery_{letter}2", "probe_mixed"):
        (tmp_path / "meta" / f"{edition}_1N_{name}.csv").write_text(HEADER + "1,1,\n")
    assert pack.has_subjects
    assert len(pack.galleries()) == 2


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("face_tid_mid.txt", "a.jpg 1 2\na.jpg 1\n", r"ijbc_face_tid_mid\.txt line 2.*'img tid mid'"),
        ("face_tid_mid.txt", "a.jpg 1 2\nb.jpg 1 2\na.jpg 1 3\n", r"a\.jpg of template 1 in line 3.*delete"),
        ("name_5pts_score.txt", f"a.jpg {POINTS}\n", r"line 1.*has 11 columns.*'img x1 y1 .* x5 y5 score'"),
        ("name_5pts_score.txt", f"a.jpg {POINTS} nan\n", r"line 1: a\.jpg has numbers that are not finite"),
        ("name_5pts_score.txt", f"a.jpg {POINTS} 1\na.jpg {POINTS} 1\n", r"line 2: a\.jpg is listed again"),
        ("template_pair_label.txt", "3 7 0\n3 9 2\n", r"line 2: \[3, 9, 2\] is no pair with a label 0 or 1"),
        ("template_pair_label.txt", "3 7 0\n-3 9 1\n", r"line 2: \[-3, 9, 1\] is no pair"),
        ("template_pair_label.txt", "3 7 0\n3 9 0\n", r"label 0 only"),
        ("template_pair_label.txt", "", r"holds no row of 'tid1 tid2 label'"),
        (
            "1N_gallery_G1.csv",
            f"{HEADER}7,70\n5,50\n7,71\n",
            r"line 4: template 7 has subject 71, but subject 70 before",
        ),
        ("1N_gallery_G1.csv", f"{HEADER}7\n", r"line 2.*'TEMPLATE_ID,SUBJECT_ID,\.\.\.'"),
        ("1N_gallery_G1.csv", "7,70\n", r"where the header should be"),
    ],
)
def test_a_damaged_list_is_refused(pack: IjbPack, name: str, text: str, message: str) -> None:
    rewrite(pack, name, text)
    with pytest.raises(DataError, match=message):
        _ = [pack.members(), pack.faces(), pack.pairs(), pack.galleries()]


def test_missing_data_are_explained(pack: IjbPack, tmp_path: Path) -> None:
    message = "NIST by application.*insightface.*loose_crop/1.jpg.*1N_gallery_G1.csv.*What is there"
    with pytest.raises(DataNotFoundError, match=f"path=.*absent is no folder.*{message}.*is no folder"):
        IjbPack(tmp_path / "absent", "ijbc")
    with pytest.raises(DataNotFoundError, match=f"loose_crop is missing.*{message}.*holds meta"):
        _ = pack.crops
    pack.list_path("face_tid_mid.txt").unlink()
    with pytest.raises(
        DataNotFoundError, match=rf"ijbc_face_tid_mid\.txt is missing.*{message}.*ijbc_1N_gallery_G1\.csv"
    ):
        pack.members()


def test_an_unknown_edition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="edition='ijba' is unknown; choose one of ijbb, ijbc"):
        IjbPack(tmp_path, "ijba")
