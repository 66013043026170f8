"""A gallery and probes of one's own: ranks, open set and verification of embeddings whose outcome is known."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from marginface.benchmark.own_gallery import OwnGallery
from marginface.data.errors import DataError, DataNotFoundError
from marginface.embedding import Embeddings


def write(root: Path, gallery: dict[str, int], probe: dict[str, int]) -> Path:
    """So many empty images of each person."""
    for part, people in (("gallery", gallery), ("probe", probe)):
        for person, number in people.items():
            (root / part / person).mkdir(parents=True)
            for i in range(number):
                (root / part / person / f"{i}.jpg").touch()
    return root


@pytest.fixture
def open_set(tmp_path: Path) -> Path:
    return write(tmp_path, {"ann": 2, "bob": 1, "cid": 3}, {"bob": 2, "cid": 1, "dan": 10, "ann": 1})


def random_rows(number: int, dim: int = 6) -> Tensor:
    return torch.randn(number, dim, generator=torch.Generator().manual_seed(number))


def test_people_are_matched_by_their_folders(open_set: Path) -> None:
    benchmark = OwnGallery(open_set)
    benchmark.check()
    gallery, probe = benchmark.identities
    assert gallery.tolist() == [0, 0, 1, 2, 2, 2]
    assert probe.tolist() == [0, 1, 1, 2] + [6] * 10
    assert benchmark.images.names[5:9] == ["gallery/cid/2.jpg", "probe/ann/0.jpg", "probe/bob/0.jpg", "probe/bob/1.jpg"]


def test_a_person_is_the_mean_of_the_images_or_each_of_them(open_set: Path) -> None:
    rows = random_rows(20)
    embeddings = Embeddings.of(rows, rows.flip(0), "sum")
    merged = rows + rows.flip(0)
    mean = OwnGallery(open_set).gallery(embeddings)
    expected = functional.normalize(torch.stack([merged[:2].mean(0), merged[2], merged[3:6].mean(0)]), dim=1)
    assert torch.allclose(mean.rows[0:3], expected, atol=1e-6)
    assert (mean.identity.tolist(), mean.image.tolist()) == ([0, 1, 2], [0, 2, 3])
    best = OwnGallery(open_set, pooling="best").gallery(embeddings)
    assert torch.allclose(best.rows[0:6], functional.normalize(merged[:6], dim=1), atol=1e-6)
    assert (best.identity.tolist(), best.image.tolist()) == ([0, 0, 1, 2, 2, 2], [0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize("pooling", ["mean", "best"])
def test_figures_agree_with_the_matrix_of_scores(open_set: Path, pooling: str) -> None:
    benchmark = OwnGallery(open_set, pooling, ranks=[1, 2, 9], fpirs=[0.2, 0.01], fars=[0.1, 1e-6], num_bootstrap=20)
    embeddings = Embeddings.of(random_rows(20))
    outcome = benchmark.evaluate(embeddings)
    gallery, identity = benchmark.gallery(embeddings), benchmark.identities[1]
    score = embeddings.unit()[6:20] @ gallery.rows[0 : len(gallery.identity)].T
    same = identity[:, None] == gallery.identity
    best, other = (score.masked_fill(hidden, -9).max(1).values for hidden in (~same, same))
    rank = 1 + ((score >= best[:, None]) & ~same).sum(1)
    cut = other[4:].sort(descending=True).values[2]  # of ten searches without a mate two may return a candidate
    impostor = score[~same].sort(descending=True).values
    figures = {name: figure.value for name, figure in outcome.figures.items()}
    assert figures == pytest.approx(
        {
            "rank-1": float((rank[:4] == 1).double().mean()),
            "rank-2": float((rank[:4] <= 2).double().mean()),
            "tpir@fpir=2e-1": float(((rank == 1) & (best > cut))[:4].double().mean()),
            "tar@far=1e-1": float((score[same] > impostor[len(impostor) // 10]).double().mean()),
        }
    )
    assert {figure.over for figure in outcome.figures.values()} == {"identities"}
    assert outcome.units["tpir@fpir=2e-1"].group.tolist() == [0, 1, 1, 2]
    assert set(outcome.unsupported) == {"rank-9", "tpir@fpir=1e-2", "tar@far=1e-6"}
    assert [t.far for t in outcome.thresholds] == [0.1]
    assert outcome.cmc[""][0] == pytest.approx(figures["rank-1"])
    assert "TPIR over FPIR" in outcome.lines
    assert {p.first for p in outcome.hardest} == {6 + int(i) for i in (rank[:4] > 1).nonzero()}


def test_a_perfect_model_finds_everybody(open_set: Path) -> None:
    benchmark = OwnGallery(open_set, ranks=[1], fpirs=[0.1], fars=[0.1], num_bootstrap=5)
    outcome = benchmark.evaluate(Embeddings.of(torch.eye(7)[torch.cat(benchmark.identities)]))
    assert {figure.value for figure in outcome.figures.values()} == {1.0}
    assert (list(outcome.figures), outcome.hardest) == (["rank-1", "tpir@fpir=1e-1", "tar@far=1e-1"], [])


def test_a_closed_set_supports_no_open_set_figure(tmp_path: Path) -> None:
    people = {"ann": 1, "bob": 1, "cid": 2}
    benchmark = OwnGallery(write(tmp_path, people, people), ranks=[1], fars=[0.1], num_bootstrap=5)
    outcome = benchmark.evaluate(Embeddings.of(random_rows(8)))
    assert outcome.unsupported["tpir@fpir=1e-1"].endswith("who are not in the gallery, there are 0")
    assert not any(name.startswith("tpir") for name in outcome.figures)


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"must hold gallery/<person>/<image> and probe.*is empty"):
        OwnGallery(tmp_path)
    write(tmp_path, {"ann": 1, "bob": 0}, {"Ann": 1})
    with pytest.raises(DataError, match="bob holds no image"):
        OwnGallery(tmp_path).check()
    (tmp_path / "gallery/bob/1.jpg").touch()
    with pytest.raises(
        DataError, match=r"nobody has folders both in gallery \(ann, \.\.\.\) and in probe \(Ann, \.\.\.\)"
    ):
        OwnGallery(tmp_path).check()


def test_settings_out_of_range(tmp_path: Path) -> None:
    for wrong in ({"pooling": "max"}, {"ranks": [0]}, {"fpirs": [0.0]}, {"fars": [2.0]}, {"num_bootstrap": 0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
            OwnGallery(tmp_path, **wrong)  # type: ignore[arg-type]


def test_embeddings_that_are_not_finite_are_refused(open_set: Path) -> None:
    rows = random_rows(20)
    rows[7] = torch.inf
    with pytest.raises(ValueError, match=r"not finite.*probe/bob/0\.jpg"):
        OwnGallery(open_set).evaluate(Embeddings.of(rows))
