import numpy as np

from marginface.data.synthesis.scene import put_into_scene


def corners(side: int, to_photo: np.ndarray) -> np.ndarray:
    square = np.array([(0, 0, 1), (side - 1, 0, 1), (0, side - 1, 1), (side - 1, side - 1, 1)], float)
    return np.asarray(square @ to_photo.T)


def test_the_whole_picture_lies_in_the_photo() -> None:
    picture = np.full((48, 48, 3), 200, np.uint8)
    for seed in range(50):
        scene = put_into_scene(picture, np.random.default_rng(seed))
        height, width = scene.pixels.shape[:2]
        there = corners(48, scene.to_photo)
        assert (there >= -0.5).all()
        assert (there <= [width - 0.5, height - 0.5]).all()


def test_the_map_says_where_a_point_of_the_picture_is() -> None:
    picture = np.zeros((48, 48, 3), np.uint8)
    picture[10:15, 30:35] = 255
    for seed in range(5):
        scene = put_into_scene(picture, np.random.default_rng(seed))
        x, y = np.rint(scene.to_photo @ [32, 12, 1]).astype(int)
        assert scene.pixels[y, x].min() > 200
        x, y = np.rint(scene.to_photo @ [15, 30, 1]).astype(int)
        assert scene.pixels[y, x].max() < 20


def test_without_difficulty_the_picture_is_upright_in_a_grey_scene() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (48, 48, 3)).astype(np.uint8)
    scene = put_into_scene(picture, np.random.default_rng(3), 0.0)
    left, top = scene.to_photo[:, 2]
    assert (scene.to_photo[:, :2] == np.eye(2)).all()
    assert (scene.pixels[0, 0] == 128).all()
    x, y = round(left), round(top)
    assert scene.pixels.shape[0] >= y + 48
    assert scene.pixels.shape[1] >= x + 48
