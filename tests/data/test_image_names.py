from pathlib import Path

from marginface.data.image_names import image_names


def test_images_of_all_depths_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/2.png", "a/deep/1.webp", "notes.txt", ".hidden.jpg", ".cache/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert image_names(tmp_path) == ["a/2.png", "a/deep/1.webp", "b.JPG"]
    assert image_names(tmp_path / "absent") == []
