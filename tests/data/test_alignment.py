"""Five-point alignment: the least squares of Umeyama, and images that land where their landmarks say."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from marginface.data.alignment import TEMPLATE_112, AlignedFiles, align, similarity
from marginface.data.decode import encode
from marginface.data.errors import DataError, DataNotFoundError


def placed(angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    """A similarity as a matrix (2, 3)."""
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, shift])


def moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def umeyama(source: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """His equations 40 to 42, with the singular value decomposition."""
    a, b = source - source.mean(0), goal - goal.mean(0)
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.diag([1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    turn = np.trace(np.diag(d) @ sign) / a.var(0).sum() * u @ sign @ vt
    return np.column_stack([turn, goal.mean(0) - turn @ source.mean(0)])


def test_the_template_itself_stays() -> None:
    np.testing.assert_allclose(similarity(TEMPLATE_112), [[1, 0, 0], [0, 1, 0]], atol=1e-12)


def test_the_template_is_that_of_the_networks() -> None:
    assert TEMPLATE_112.tolist() == [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]


def test_a_golden_value() -> None:
    """Of points turned by a quarter, doubled and shifted: x = 2 y + 4, y = -2 x + 300 of the template."""
    points = np.stack([2 * TEMPLATE_112[:, 1] + 4, -2 * TEMPLATE_112[:, 0] + 300], 1)
    np.testing.assert_allclose(similarity(points), [[0, -0.5, 150], [0.5, 0, -2]], atol=1e-9)


@pytest.mark.parametrize(("angle", "scale", "shift"), [(0.3, 0.5, (10, -4)), (-2.5, 3.0, (200, 90)), (0, 1, (5, 0))])
def test_a_known_placement_is_undone(angle: float, scale: float, shift: tuple[float, float]) -> None:
    points = moved(TEMPLATE_112, placed(angle, scale, shift))
    matrix = similarity(points)
    np.testing.assert_allclose(moved(points, matrix), TEMPLATE_112, atol=1e-9)
    assert np.hypot(*matrix[:, 0]) == pytest.approx(1 / scale)
    opencv, _ = cv2.estimateAffinePartial2D(points, TEMPLATE_112)
    np.testing.assert_allclose(matrix, opencv, atol=1e-4)


def test_it_is_umeyama_s_solution_for_noisy_and_for_mirrored_points_many_at_once() -> None:
    rng = np.random.default_rng(0)
    points = TEMPLATE_112 + rng.normal(0, 8, (6, 5, 2))
    points[5, :, 0] *= -1
    found = similarity(points)
    assert found.shape == (6, 2, 3)
    for one, matrix in zip(points, found, strict=True):
        np.testing.assert_allclose(matrix, umeyama(one, TEMPLATE_112), atol=1e-9)


@pytest.mark.parametrize("bad", [np.full((5, 2), 3.0), np.full((5, 2), np.nan)])
def test_landmarks_without_extent_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not finite or lie all in one point"):
        similarity(np.stack([TEMPLATE_112, bad]))


def smooth_face() -> np.ndarray:
    """An image (112, 112, 3) whose interpolation errs little."""
    coarse = np.random.default_rng(0).integers(40, 215, (5, 5, 3)).astype(np.uint8)
    return cv2.resize(coarse, (112, 112), interpolation=cv2.INTER_CUBIC)


def test_an_aligned_face_comes_back_from_where_it_was_put() -> None:
    face = smooth_face()
    matrix = placed(0.2, 1.2, (30, 20))
    loose = cv2.warpAffine(face, matrix, (200, 220), borderMode=cv2.BORDER_REPLICATE)
    back = align(loose, moved(TEMPLATE_112, matrix))
    assert (back.shape, back.dtype) == ((112, 112, 3), np.uint8)
    assert np.abs(back.astype(int) - face)[2:-2, 2:-2].max() <= 3
    assert np.abs(back.astype(int) - face).mean() < np.abs(back[:, ::-1].astype(int) - face).mean() / 20


def test_an_aligned_image_is_not_touched_and_what_lies_outside_is_black() -> None:
    face = smooth_face()
    np.testing.assert_array_equal(align(face, TEMPLATE_112), face)
    aside = align(face, TEMPLATE_112 - (40, 0))  # the face moves right by 40
    assert not aside[:, :40].any()
    np.testing.assert_array_equal(aside[:, 40:], face[:, :72])


def test_another_size_has_the_same_face() -> None:
    large = align(smooth_face(), TEMPLATE_112, size=224)
    np.testing.assert_array_equal(large[::2, ::2], smooth_face())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(2):
        (tmp_path / f"{i}.jpg").write_bytes(encode(np.roll(smooth_face(), 50 * i, 1)))
    return tmp_path


def test_files_are_aligned_as_they_are_loaded(folder: Path) -> None:
    landmarks = np.stack([TEMPLATE_112, TEMPLATE_112 - (-50, 0)])
    images = pickle.loads(pickle.dumps(AlignedFiles(folder, ["0.jpg", "1.jpg"], landmarks)))
    first, second = images.load(0).astype(int), images.load(1).astype(int)
    assert first.shape == second.shape == (112, 112, 3)
    assert np.abs(first - second)[:, :60].mean() < 3  # JPEG
    assert images[0] == (folder / "0.jpg").read_bytes()


def test_the_fingerprint_changes_with_the_landmarks(folder: Path) -> None:
    landmarks = np.stack([TEMPLATE_112, TEMPLATE_112])
    names = ["0.jpg", "1.jpg"]
    prints = {AlignedFiles(folder, names, points).fingerprint() for points in (landmarks, landmarks, landmarks + 1)}
    assert len(prints) == 2
    assert AlignedFiles(folder, names[::-1], landmarks).fingerprint() not in prints


def test_unusable_landmarks_and_missing_files_are_refused(folder: Path) -> None:
    landmarks = np.stack([TEMPLATE_112, np.zeros((5, 2))])
    with pytest.raises(DataError, match=r"1 of the 2 images of crops .* the first is 1\.jpg"):
        AlignedFiles(folder, ["0.jpg", "1.jpg"], landmarks, "crops")
    with pytest.raises(ValueError, match=r"landmarks is \(1, 5, 2\)"):
        AlignedFiles(folder, ["0.jpg", "1.jpg"], landmarks[:1])
    with pytest.raises(DataNotFoundError, match=r"2\.jpg"):
        AlignedFiles(folder, ["0.jpg", "2.jpg"], landmarks)
