"""TinyFace: who is searched where, and what an incomplete set does."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from marginface.benchmark import tinyface
from marginface.benchmark.tinyface import TinyFace
from marginface.data.errors import DataError, DataNotFoundError
from marginface.embedding import Embeddings

GALLERY = ("3_1.jpg", "3_2.jpg", "12_1.jpg", "40_7.jpg")
PROBES = ("12_2.jpg", "3_9.jpg", "40_8.jpg")


def write(root: Path, probes: tuple[str, ...] = PROBES) -> Path:
    names = {"Gallery_Match": GALLERY, "Gallery_Distractor": ("a/1.jpg", "3_1.jpg", "x.jpg"), "Probe": probes}
    for folder, part in names.items():
        for name in part:
            path = root / "Testing_Set" / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def directions(benchmark: TinyFace, **direction: list[float]) -> Embeddings:
    """Embeddings by the beginning of the file's path, ``Probe_12``; all others point away."""
    rows = [
        next((v for key, v in direction.items() if name.replace("/", "_").startswith(f"{key}_")), [0.0, 0.0, -1.0])
        for name in benchmark.images.names
    ]
    return Embeddings.of(torch.tensor(rows))


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny set passes for the published one."""
    monkeypatch.setattr(tinyface, "PUBLISHED", {"Gallery_Match": 4, "Gallery_Distractor": 3, "Probe": 3})


@pytest.mark.usefixtures("published")
def test_a_probe_is_found_by_its_best_mate_among_gallery_and_distractors(tmp_path: Path) -> None:
    benchmark = TinyFace(write(tmp_path), ranks=[1, 2, 7], num_bootstrap=20)
    benchmark.check()
    embeddings = directions(
        benchmark,
        Gallery_Match_3=[1.0, 0.0, 0.0],
        Probe_3=[1.0, 0.1, 0.0],
        Gallery_Match_12=[0.0, 1.0, 0.0],
        Probe_12=[0.8, 0.6, 0.0],  # nearer to 3: both images of 3 stand before its mate
        Gallery_Match_40=[0.0, 0.0, 1.0],
        Probe_40=[0.0, 0.0, 2.0],
    )
    outcome = benchmark.evaluate(embeddings)
    assert {name: f.value for name, f in outcome.figures.items()} == pytest.approx({"rank-1": 2 / 3, "rank-2": 2 / 3})
    assert outcome.units["rank-1"].group.tolist() == [12, 3, 40]
    assert outcome.units["rank-1"].value.tolist() == [0, 1, 1]
    assert "rank-7" in outcome.unsupported
    assert outcome.cmc[""] == pytest.approx([2 / 3, 2 / 3, 1, 1, 1, 1, 1])
    shown = [(benchmark.images.names[p.first], benchmark.images.names[p.second], p.same) for p in outcome.hardest]
    assert shown == [
        ("Probe/12_2.jpg", "Gallery_Match/3_1.jpg", False),
        ("Probe/12_2.jpg", "Gallery_Match/12_1.jpg", True),
    ]
    assert outcome.excluded == {}


@pytest.mark.usefixtures("published")
def test_a_distractor_is_nobody_s_mate_whatever_its_name(tmp_path: Path) -> None:
    benchmark = TinyFace(write(tmp_path), ranks=[1], num_bootstrap=5)
    gallery, probe = benchmark.identities
    assert gallery.tolist() == [12, 3, 3, 40, -1, -2, -3]
    assert probe.tolist() == [12, 3, 40]
    outcome = benchmark.evaluate(directions(benchmark, Gallery_Distractor_3=[1.0, 0.0, 0.0], Probe_3=[1.0, 0.0, 0.0]))
    assert outcome.units["rank-1"].value[1] == 0


def test_an_incomplete_set_is_refused_or_its_gaps_counted(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(DataNotFoundError, match=r"missing images of Gallery_Match: 4439.*on_missing=exclude"):
        TinyFace(tmp_path).check()
    benchmark = TinyFace(tmp_path, on_missing="exclude", ranks=[1], num_bootstrap=5)
    benchmark.check()
    assert benchmark.evaluate(spread(len(benchmark.images))).excluded == {
        "missing images of Gallery_Match": 4439,
        "missing images of Gallery_Distractor": 153_425,
        "missing images of Probe": 3725,
    }


def test_a_probe_without_a_mate_is_refused_or_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tinyface, "PUBLISHED", {"Gallery_Match": 4, "Gallery_Distractor": 3, "Probe": 4})
    write(tmp_path, (*PROBES, "99_1.jpg"))
    with pytest.raises(DataNotFoundError, match="probes without a mate in the gallery: 1"):
        TinyFace(tmp_path).check()
    benchmark = TinyFace(tmp_path, on_missing="exclude", ranks=[1], num_bootstrap=5)
    assert "Probe/99_1.jpg" not in benchmark.images.names
    outcome = benchmark.evaluate(spread(10))
    assert outcome.excluded == {"probes without a mate in the gallery": 1}
    assert len(outcome.units["rank-1"].value) == 3


def spread(number: int) -> Embeddings:
    rows: Tensor = torch.randn(number, 4, generator=torch.Generator().manual_seed(0))
    return Embeddings.of(rows)


def test_no_probe_with_a_mate(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="no image in Probe has a mate"):
        TinyFace(write(tmp_path, ("99_1.jpg",)), on_missing="exclude").check()


def test_a_name_without_identity_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Probe/face\.jpg: expected the name <identity>_<number>"):
        TinyFace(write(tmp_path, (*PROBES, "face.jpg")), on_missing="exclude").check()


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        DataNotFoundError, match=r"no folder Gallery_Match, .*is no folder.*qmul-tinyface.*Testing_Set/"
    ):
        TinyFace(tmp_path)
    write(tmp_path)
    assert TinyFace(tmp_path / "Testing_Set", folder=".").root == tmp_path / "Testing_Set"


def test_settings_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ranks=\\[0\\]"):
        TinyFace(tmp_path, ranks=[0])
    with pytest.raises(ValueError, match="on_missing='skip'"):
        TinyFace(tmp_path, on_missing="skip")


@pytest.mark.usefixtures("published")
def test_embeddings_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not finite.*Gallery_Match/12_1\.jpg"):
        TinyFace(write(tmp_path)).evaluate(Embeddings.of(torch.full((10, 2), torch.nan)))
