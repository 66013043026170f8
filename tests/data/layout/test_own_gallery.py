from pathlib import Path

from marginface.benchmark.own_gallery import OwnGallery
from marginface.data.layout.own_gallery import write_own_gallery


def test_gallery_and_probes_share_people_but_for_the_absent(tmp_path: Path) -> None:
    write_own_gallery(tmp_path, num_people=2, num_absent=1)
    benchmark = OwnGallery(tmp_path)
    benchmark.check()
    assert [part.tolist() for part in benchmark.identities] == [[0, 0, 1, 1], [0, 0, 1, 1, 4, 4]]
    assert benchmark.images.names[3:5] == ["gallery/person_001/1.jpg", "probe/person_000/2.jpg"]
    assert benchmark.images.load(9).shape == (112, 112, 3)
