from pathlib import Path

from marginface.benchmark.ytf import YTF
from marginface.data.layout.ytf import write_ytf


def test_the_layout_is_that_of_youtube_faces(tmp_path: Path) -> None:
    write_ytf(tmp_path, num_folds=2, frames_per_video=2)
    lines = (tmp_path / "splits.txt").read_text().splitlines()
    assert lines[1:6] == [
        "1, 1, Person_000/0, Person_000/1, 1",
        "1, 2, Person_001/0, Person_001/1, 1",
        "1, 3, Person_000/0, Person_001/0, 0",
        "1, 4, Person_000/1, Person_001/1, 0",
        "2, 1, Person_002/0, Person_002/1, 1",
    ]
    assert not lines[0][0].isdigit()
    benchmark = YTF(tmp_path)
    benchmark.check()
    assert benchmark.images.names[:3] == [
        "Person_000/0/aligned_detect_0.98.jpg",
        "Person_000/0/aligned_detect_0.99.jpg",
        "Person_000/1/aligned_detect_1.98.jpg",
    ]
    assert len(benchmark.images) == 4 * 2 * 2
    assert benchmark.images.load(15).shape == (112, 112, 3)
    assert (len(benchmark.pairs.same), benchmark.num_folds) == (8, 2)
