"""The synthetic IJB: official names, separators and line endings; faces that are where their landmarks say."""

import re
from pathlib import Path

import numpy as np
import pytest

from marginface.data.benchmark_files.ijb import IjbPack
from marginface.data.benchmark_files.ijb_templates import read_templates
from marginface.data.decode import decode
from marginface.data.layout.ijb import write_ijb
from marginface.data.synthetic import SyntheticFaces


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ijb") / "IJBB"
    write_ijb(folder, "ijbb", num_subjects=3)
    return folder


def lines(root: Path, name: str) -> list[str]:
    text = (root / "meta" / name).read_bytes().decode()
    assert text.endswith("\n")
    assert "\r" not in text
    return text.removesuffix("\n").split("\n")


def test_the_files_are_those_of_the_pack(root: Path) -> None:
    assert sorted(path.name for path in (root / "meta").iterdir()) == [
        "ijbb_1N_gallery_S1.csv",
        "ijbb_1N_gallery_S2.csv",
        "ijbb_1N_probe_mixed.csv",
        "ijbb_face_tid_mid.txt",
        "ijbb_name_5pts_score.txt",
        "ijbb_template_pair_label.txt",
    ]
    listed = [line.split(" ")[0] for line in lines(root, "ijbb_face_tid_mid.txt")]
    assert listed == [f"{i}.jpg" for i in range(1, 22)]
    assert {path.name for path in (root / "loose_crop").iterdir()} == set(listed)


def test_the_lines_are_those_of_the_pack(root: Path) -> None:
    for name, pattern in (
        ("face_tid_mid.txt", r"\d+\.jpg \d+ \d+"),
        ("name_5pts_score.txt", r"\d+\.jpg( -?\d+\.\d{3}){10} [01]\.\d{3}"),
        ("template_pair_label.txt", r"\d+ \d+ [01]"),
    ):
        assert all(re.fullmatch(pattern, line) for line in lines(root, f"ijbb_{name}")), name
    assert lines(root, "ijbb_template_pair_label.txt")[:2] == ["1 4 1", "1 5 1"]
    header, first, second, *_ = lines(root, "ijbb_1N_gallery_S1.csv")
    assert header.startswith("TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT")
    assert [row.split(",")[:3] for row in (first, second)] == [["1", "101", "img/1.jpg"], ["1", "101", "img/2.jpg"]]


def test_it_is_read_back(root: Path) -> None:
    pack = IjbPack(root, "ijbb")
    templates = read_templates(pack)
    assert len(templates.images) == 21
    assert templates.ids.tolist() == list(range(1, 10))
    assert sorted(templates.share.tolist()) == pytest.approx([1 / 3] * 9 + [1.0] * 12)
    pairs = pack.pairs()
    assert (len(pairs.same), int(pairs.same.sum())) == (3 * 6, 6)
    galleries = pack.galleries()
    assert [part.subject.tolist() for part in galleries.values()] == [[101, 103], [102]]
    assert pack.probes().subject.tolist() == [101, 101, 102, 102, 103, 103]
    subject = dict(zip(*(part.tolist() for part in pack.probes()), strict=True))
    for gallery in galleries.values():
        subject |= dict(zip(*(part.tolist() for part in gallery), strict=True))
    same = [subject[a] == subject[b] for a, b in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)]
    assert pairs.same.tolist() == same


def test_alignment_finds_the_faces(root: Path) -> None:
    images = read_templates(IjbPack(root, "ijbb")).images
    faces = SyntheticFaces(3, 7)
    for image, index in ((0, 0), (2, 7)):  # the first stills of the first two people
        face = decode(faces.read(index), "a face").astype(int)
        assert decode(images[image], "a crop").shape == (160, 140, 3)
        error = np.abs(images.load(image).astype(int) - face)[4:-4, 4:-4].mean()
        mirrored = np.abs(images.load(image)[:, ::-1].astype(int) - face)[4:-4, 4:-4].mean()
        assert error < mirrored / 3


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for place, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_ijb(tmp_path / place, num_subjects=2, seed=seed)
        files = sorted(path for path in (tmp_path / place).rglob("*") if path.is_file())
        found.append([(path.relative_to(tmp_path / place), path.read_bytes()) for path in files])
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_settings_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="num_subjects=1"):
        write_ijb(tmp_path, num_subjects=1)
    with pytest.raises(ValueError, match="edition='ijba'"):
        write_ijb(tmp_path, "ijba")
