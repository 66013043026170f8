from pathlib import Path

from marginface.benchmark.tinyface import TinyFace
from marginface.data.layout.tinyface import write_tinyface


def test_the_layout_is_that_of_tinyface(tmp_path: Path) -> None:
    write_tinyface(tmp_path, num_identities=2, num_distractors=3)
    benchmark = TinyFace(tmp_path, on_missing="exclude")
    assert benchmark.images.names == [
        *(f"Gallery_Match/{name}.jpg" for name in ("1_1", "1_2", "2_1", "2_2")),
        *(f"Gallery_Distractor/{name}.jpg" for name in ("1", "2", "3")),
        *(f"Probe/{name}.jpg" for name in ("1_3", "2_3")),
    ]
    assert [part.tolist() for part in benchmark.identities] == [[1, 1, 2, 2, -1, -2, -3], [1, 2]]
    assert benchmark.images.load(8).shape == (112, 112, 3)
