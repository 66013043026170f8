"""The two similarities: equal on exact points, and each the best fit where it says so."""

import numpy as np
import pytest

from marginface.data.alignment import TEMPLATE_112, similarity
from marginface.prepare import CONVENTIONS, TEMPLATES, similarity_cp2tform
from marginface.prepare.templates import is_mirrored


def applied(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def by_normal_equations(landmarks: np.ndarray, template: np.ndarray) -> np.ndarray:
    """As MATLAB writes it: [u v] of the photo from [x y 1 0; y -x 0 1] of the template, then the inverse."""
    x, y = template.T
    one, zero = np.ones(5), np.zeros(5)
    rows = np.vstack([np.stack([x, y, one, zero], 1), np.stack([y, -x, zero, one], 1)])
    (sc, ss, tx, ty), *_ = np.linalg.lstsq(rows, landmarks.T.ravel(), rcond=None)
    to_photo = np.array([[sc, ss, tx], [-ss, sc, ty], [0, 0, 1]])
    return np.linalg.inv(to_photo)[:2]


def by_umeyama(landmarks: np.ndarray, template: np.ndarray) -> np.ndarray:
    """His theorem (equations 34 to 43) by the singular values, as skimage's SimilarityTransform has it."""
    one, other = landmarks - landmarks.mean(0), template - template.mean(0)
    covariance = other.T @ one / 5
    left, values, right = np.linalg.svd(covariance)
    sign = np.diag([1, np.sign(np.linalg.det(covariance))])  # no mirrored fit
    turn = left @ sign @ right * (values @ sign.diagonal()) / one.var(0).sum()
    return np.column_stack([turn, template.mean(0) - turn @ landmarks.mean(0)])


def by_cp2tform(landmarks: np.ndarray, template: np.ndarray) -> np.ndarray:
    """The better of the fit and the mirrored fit, each by :func:`by_normal_equations`, as 'similarity' has it."""
    mirror = np.array([[-1, 0], [0, 1]])
    plain = by_normal_equations(landmarks, template)
    mirrored = by_normal_equations(landmarks, template @ mirror)
    mirrored = np.column_stack([mirror @ mirrored[:, :2], mirror @ mirrored[:, 2]])

    def misfit(matrix: np.ndarray) -> float:
        return float(np.square(applied(matrix, landmarks) - template).sum())

    return min(plain, mirrored, key=misfit)


@pytest.fixture
def landmarks() -> np.ndarray:
    rng = np.random.default_rng(0)
    turn = 2.5 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    return TEMPLATE_112 @ turn.T + [70, 35] + rng.normal(0, 8, (5, 2))


def test_the_templates_are_the_published_ones() -> None:
    assert TEMPLATES[112, 112] is TEMPLATE_112
    published = [[30.2946, 51.6963], [65.5318, 51.5014], [48.0252, 71.7366], [33.5493, 92.3655], [62.7299, 92.2041]]
    np.testing.assert_allclose(TEMPLATES[112, 96], published, atol=1e-12)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_exact_points_come_to_lie_on_the_template(name: str) -> None:
    photo = applied(np.array([[0, -2.0, 300], [2.0, 0, 40]]), TEMPLATE_112)
    np.testing.assert_allclose(applied(CONVENTIONS[name](photo, TEMPLATE_112), photo), TEMPLATE_112, atol=1e-9)


@pytest.mark.parametrize("size", TEMPLATES)
def test_cp2tform_solves_the_normal_equations_of_matlab(landmarks: np.ndarray, size: tuple[int, int]) -> None:
    expected = by_normal_equations(landmarks, TEMPLATES[size])
    np.testing.assert_allclose(similarity_cp2tform(landmarks, TEMPLATES[size]), expected, rtol=1e-9)


@pytest.mark.parametrize("size", TEMPLATES)
@pytest.mark.parametrize("seed", range(5))
def test_each_convention_is_its_reference(size: tuple[int, int], seed: int) -> None:
    """Over faces of any size and rotation, with points off by up to a fifth of the face."""
    rng = np.random.default_rng(seed)
    turn, scale = np.exp(1j * rng.uniform(-np.pi, np.pi)), rng.uniform(0.3, 20)
    matrix = scale * np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    landmarks = (TEMPLATE_112 + rng.normal(0, 3, (5, 2))) @ matrix.T + rng.uniform(0, 1000, 2)
    template = TEMPLATES[size]
    np.testing.assert_allclose(similarity(landmarks, template), by_umeyama(landmarks, template), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        similarity_cp2tform(landmarks, template), by_cp2tform(landmarks, template), rtol=1e-6, atol=1e-7
    )


def test_umeyama_is_the_one_of_skimage(landmarks: np.ndarray) -> None:
    transform = pytest.importorskip("skimage.transform").SimilarityTransform
    if hasattr(transform, "from_estimate"):
        transform = transform.from_estimate(landmarks, TEMPLATE_112)
    else:  # before 0.26
        transform = transform()
        transform.estimate(landmarks, TEMPLATE_112)
    np.testing.assert_allclose(similarity(landmarks), transform.params[:2], rtol=1e-9)


def test_a_mirrored_face_is_where_all_three_differ(landmarks: np.ndarray) -> None:
    """cp2tform would mirror the crop, the others turn it upside down: such points are refused before."""
    mirrored = landmarks * [-1, 1] + [640, 0]
    assert is_mirrored(mirrored)
    assert not is_mirrored(landmarks)
    matlab = by_cp2tform(mirrored, TEMPLATE_112)
    ours = similarity_cp2tform(mirrored)
    assert np.linalg.det(matlab[:, :2]) < 0 < np.linalg.det(ours[:, :2])
    np.testing.assert_allclose(applied(matlab, mirrored), applied(by_cp2tform(landmarks, TEMPLATE_112), landmarks))
    assert np.abs(applied(ours, mirrored) - TEMPLATE_112).max() > 25
    # Umeyama's scale goes to nothing where cp2tform's grows without end, by 1 / rho^2.
    np.testing.assert_allclose(similarity(mirrored), by_umeyama(mirrored, TEMPLATE_112), rtol=1e-9)
    assert np.linalg.det(ours[:, :2]) > 4 * np.linalg.det(similarity(mirrored)[:, :2])


def test_faces_seen_from_the_side_or_upside_down_are_not_mirrored() -> None:
    profile = TEMPLATE_112 * [0.05, 1] + np.array([[0, 0], [0, 0], [-18, 0], [0, 0], [0, 0]])
    faces = np.stack([TEMPLATE_112, TEMPLATE_112 @ np.diag([-1, -1]), profile, TEMPLATE_112[:, ::-1] * [-1, 1]])
    assert is_mirrored(faces).tolist() == [False] * 4
    swapped = TEMPLATE_112[[1, 0, 2, 4, 3]]
    assert is_mirrored(np.stack([swapped, TEMPLATE_112[[1, 0, 2, 3, 4]], TEMPLATE_112[:, ::-1]])).tolist() == [True] * 3


def test_a_golden_value() -> None:
    """The template with the nose moved by 10 to the right, the left eye by 6 down."""
    landmarks = TEMPLATE_112 + np.array([[0, 6], [0, 0], [10, 0], [0, 0], [0, 0]])
    matrix = similarity_cp2tform(landmarks)
    np.testing.assert_allclose(matrix, by_normal_equations(landmarks, TEMPLATE_112), rtol=1e-9)
    np.testing.assert_allclose(
        matrix, [[1.0452543, -0.0424238, -1.5247173], [0.0424238, 1.0452543, -6.9698127]], atol=1e-6
    )


def test_the_scales_differ_by_the_correlation(landmarks: np.ndarray) -> None:
    one, other = similarity(landmarks), similarity_cp2tform(landmarks)
    a, b = ((p - p.mean(0)) @ [1, 1j] for p in (landmarks, TEMPLATE_112))
    rho = abs(np.vdot(a, b)) / np.sqrt(np.vdot(a, a).real * np.vdot(b, b).real)
    assert rho < 0.999
    np.testing.assert_allclose(other[:, :2] * rho**2, one[:, :2], rtol=1e-9)
    np.testing.assert_allclose(applied(one, landmarks.mean(0)), applied(other, landmarks.mean(0)), rtol=1e-9)


def test_many_faces_at_once(landmarks: np.ndarray) -> None:
    both = similarity_cp2tform(np.stack([landmarks, landmarks[:, ::-1]]))
    np.testing.assert_allclose(both[1], similarity_cp2tform(landmarks[:, ::-1]))


@pytest.mark.parametrize("value", [3.0, np.nan])
def test_landmarks_in_one_point_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="leave the image out"):
        similarity_cp2tform(np.full((5, 2), value))
