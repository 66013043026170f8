import hashlib
import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from marginface.data.decode import decode
from marginface.data.pairs import read_pairs
from marginface.data.record.face_records import FaceRecords
from marginface.data.synthesis.canvas import View
from marginface.data.synthesis.curves import both
from marginface.data.synthesis.face import landmarks
from marginface.data.synthesis.identity import identity_from, sample_identity
from marginface.data.synthesis.nuisance import sample_pose
from marginface.data.synthetic import SyntheticFaces, write_synthetic

TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).mean())


def test_a_picture_is_an_aligned_uint8_rgb_face() -> None:
    picture = SyntheticFaces(1, 1).render(0, 0)
    assert picture.shape == (112, 112, 3)
    assert picture.dtype == np.uint8


def test_the_source_states_its_labels() -> None:
    faces = SyntheticFaces(3, 2)
    assert faces.labels.dtype == np.int64
    assert faces.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert (len(faces), faces.num_classes, faces.image_size) == (6, 3, (112, 112))
    assert faces.where(3) == "synthetic face (seed 0, identity 1, sample 1)"


def test_bytes_do_not_depend_on_order_or_size_of_the_source() -> None:
    small, large = SyntheticFaces(2, 3, seed=7), SyntheticFaces(50, 5, seed=7)
    forwards = [small.read(index) for index in range(6)]
    backwards = [small.read(index) for index in reversed(range(6))]
    assert forwards == backwards[::-1]
    assert [large.read(index) for index in (0, 1, 2, 5, 6, 7)] == forwards
    assert SyntheticFaces(1, 3, seed=7, first_identity=1).read(2) == forwards[5]


def test_bytes_are_the_same_in_another_process() -> None:
    code = (
        "from marginface.data.synthetic import SyntheticFaces; import hashlib;"
        "print(hashlib.sha256(SyntheticFaces(4, 2, seed=3).read(7)).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(SyntheticFaces(4, 2, seed=3).read(7)).hexdigest()


def test_the_source_survives_pickling() -> None:
    faces = SyntheticFaces(2, 2, seed=5, difficulty=0.5, first_identity=9, quality=70)
    assert pickle.loads(pickle.dumps(faces)).read(3) == faces.read(3)


def test_every_argument_changes_the_picture() -> None:
    reference = SyntheticFaces(1, 1).read(0)
    others = ({"seed": 1}, {"difficulty": 0.5}, {"first_identity": 1}, {"quality": 60})
    assert all(SyntheticFaces(1, 1, **other).read(0) != reference for other in others)


def test_without_nuisance_a_person_always_looks_the_same_and_people_differ() -> None:
    faces = SyntheticFaces(40, 2, difficulty=0.0)
    first = [faces.render(identity, 0) for identity in range(40)]
    assert all(np.array_equal(first[identity], faces.render(identity, 1)) for identity in range(0, 40, 8))
    between = [distance(first[i], first[j]) for i in range(40) for j in range(i)]
    assert min(between) > 3.0


def test_nuisance_outweighs_identity_in_pixels() -> None:
    faces = SyntheticFaces(12, 6)
    pictures = np.stack([[faces.render(i, s) for s in range(6)] for i in range(12)])
    within = np.mean([distance(pictures[i, s], pictures[i, s - 1]) for i in range(12) for s in range(1, 6)])
    plain = SyntheticFaces(12, 1, difficulty=0.0)
    between = np.mean([distance(plain.render(i, 0), plain.render(i - 1, 0)) for i in range(1, 12)])
    assert within > between


def test_nuisance_grows_with_difficulty() -> None:
    def spread(difficulty: float) -> float:
        faces = SyntheticFaces(8, 4, difficulty=difficulty)
        return max(distance(faces.render(i, s), faces.render(i, s + 1)) for i in range(8) for s in range(3))

    assert spread(0.0) == 0.0
    assert 0.0 < spread(0.3) < spread(1.0)


def test_thousands_of_identities_are_distinct() -> None:
    scores = np.stack([sample_identity(np.random.default_rng((0, identity, 0))) for identity in range(2000)])
    squared = (scores**2).sum(axis=1)
    gaps = squared[:, None] + squared - 2.0 * scores @ scores.T
    nearest = np.sqrt((gaps + np.diag(np.full(2000, np.inf))).min())
    assert nearest > 4.0  # 56 traits: the two most alike of 2,000 people differ by more than half a deviation a trait


def test_a_mirrored_picture_shows_nearly_the_same_plain_face() -> None:
    faces = SyntheticFaces(20, 1, difficulty=0.0)
    plain = [faces.render(identity, 0) for identity in range(20)]
    mirrored = np.mean([distance(face, face[:, ::-1]) for face in plain])
    between = np.mean([distance(face, other) for face, other in pairwise(plain)])
    assert 0.0 < mirrored < 0.5 * between


def test_a_frontal_view_puts_the_eyes_and_mouth_where_aligned_faces_have_them() -> None:
    pose = sample_pose(np.random.default_rng(0), 0.0)
    for identity in range(20):
        points, lift = landmarks(identity_from(sample_identity(np.random.default_rng(identity))))
        placed = View(pose, points, lift).surface(points, lift) / 2.0
        template = np.array(TEMPLATE)
        assert np.abs(placed - template).max() < 10.0
        assert np.abs((placed - template).mean(axis=0) - 0.25).max() < 0.01  # pixel centres at twice the size


def test_turning_the_head_moves_the_nose_against_the_ears() -> None:
    person = identity_from(np.zeros(len(sample_identity(np.random.default_rng(0)))))
    points, lift = landmarks(person)
    pose = sample_pose(np.random.default_rng(0), 0.0)
    temple = np.array([(35.0, -10.0)])

    def nose_between_temples(yaw: float) -> float:
        view = View(pose._replace(yaw=yaw), points, lift)
        (temples,), nose = view.pairs([temple]), view.surface(points[2:3], lift[2])
        return float((nose[0, 0] - temples[1, 0, 0]) / (temples[0, 0, 0] - temples[1, 0, 0]))

    assert nose_between_temples(0.0) == pytest.approx(0.5, abs=0.01)
    assert nose_between_temples(-0.5) < 0.35 < 0.65 < nose_between_temples(0.5)


def test_both_mirrors_about_the_middle() -> None:
    right = np.array([(1.0, 2.0), (3.0, 4.0)])
    assert both(right).tolist() == [[[1.0, 2.0], [3.0, 4.0]], [[-1.0, 2.0], [-3.0, 4.0]]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("synthetic")
    write_synthetic(root, 4, 5, num_test_identities=20, num_pairs=40, seed=2)
    return root


def test_written_records_read_back(written: Path) -> None:
    records, faces = FaceRecords(written), SyntheticFaces(4, 5, seed=2)
    assert (written / "property").read_text().strip() == "4,112,112"
    assert records.labels.tolist() == faces.labels.tolist()
    assert [records.read(index) for index in range(20)] == [faces.read(index) for index in range(20)]
    assert decode(records.read(0), "a test").shape == (112, 112, 3)


def test_written_pairs_show_identities_that_are_not_trained_on(written: Path) -> None:
    pairs = read_pairs(written / "synthetic.bin")
    train = {SyntheticFaces(4, 5, seed=2).read(index) for index in range(20)}
    test = SyntheticFaces(20, 5, seed=2, first_identity=4)
    person = {test.read(index): test.labels[index] for index in range(len(test))}
    assert len(pairs) == 40
    assert pairs.same.sum() == 20
    assert not train & set(pairs.images)
    people = np.array([person[image] for image in pairs.images])  # a KeyError: an image from elsewhere
    assert np.array_equal(people[pairs.first] == people[pairs.second], pairs.same)


def test_writing_twice_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_synthetic(tmp_path, 4, 5, num_test_identities=20, num_pairs=40, seed=2)
    names = sorted(path.name for path in written.iterdir())
    assert names == ["property", "synthetic.bin", "train.idx", "train.rec"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert all((written / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_identities", 0),
        ("images_per_identity", 0),
        ("seed", -1),
        ("difficulty", -0.1),
        ("difficulty", float("nan")),
        ("difficulty", 50.0),
        ("first_identity", -1),
        ("quality", 0),
        ("quality", 101),
    ],
)
def test_arguments_outside_their_range_are_refused(name: str, value: float) -> None:
    arguments = {"num_identities": 2, "images_per_identity": 2, name: value}
    with pytest.raises(ValueError, match=rf"{name}={value} is out of range: choose"):
        SyntheticFaces(**arguments)


def test_numbers_that_no_picture_has_are_refused() -> None:
    faces = SyntheticFaces(2, 2)
    with pytest.raises(ValueError, match="identity=-1"):
        faces.render(-1, 0)
    with pytest.raises(ValueError, match="sample=-1"):
        faces.render(0, -1)
    for index in (-1, 4):
        with pytest.raises(IndexError, match=f"index {index}"):
            faces.read(index)


def test_too_few_test_identities_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="num_pairs=2000"):
        write_synthetic(tmp_path / "data", 2, 2, num_test_identities=3, num_pairs=2000)
    with pytest.raises(ValueError, match="num_test_identities=0"):
        write_synthetic(tmp_path / "data", 2, 2, num_test_identities=0, num_pairs=20)
    assert not (tmp_path / "data").exists()
