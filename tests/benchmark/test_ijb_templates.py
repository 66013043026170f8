"""Features of templates: the same as a plain double loop over templates and media."""

from pathlib import Path

import numpy as np
import pytest

from marginface.benchmark import ijb_templates
from marginface.benchmark.ijb_templates import template_embeddings
from marginface.data.alignment import TEMPLATE_112, AlignedFiles
from marginface.data.benchmark_files.ijb_templates import Templates
from marginface.embedding import Embeddings

NUM_IMAGES, NUM_ROWS = 12, 30


@pytest.fixture
def lists() -> dict[str, np.ndarray]:
    """Memberships (image, template, media) at random; images belong to several templates."""
    rng = np.random.default_rng(0)
    drawn = np.unique(np.stack([rng.integers(0, NUM_IMAGES, NUM_ROWS), rng.integers(0, 4, NUM_ROWS)], 1), axis=0)
    drawn = rng.permutation(drawn)
    return {"image": drawn[:, 0], "template": 10 * drawn[:, 1] + 5, "media": drawn[:, 0] // 3}


@pytest.fixture
def templates(lists: dict[str, np.ndarray], tmp_path: Path) -> Templates:
    names = [f"{i}.jpg" for i in range(NUM_IMAGES)]
    for name in names:
        (tmp_path / name).touch()
    ids, row = np.unique(lists["template"], return_inverse=True)
    same = (lists["template"][:, None] == lists["template"]) & (lists["media"][:, None] == lists["media"])
    return Templates(
        images=AlignedFiles(tmp_path, names, np.tile(TEMPLATE_112, (NUM_IMAGES, 1, 1))),
        score=np.random.default_rng(1).uniform(0.1, 1, NUM_IMAGES).astype(np.float32),
        ids=ids,
        image=lists["image"],
        row=row,
        share=1 / same.sum(1),
    )


@pytest.fixture
def embeddings() -> Embeddings:
    return Embeddings(np.random.default_rng(2).normal(size=(NUM_IMAGES, 2, 6)).astype(np.float32), "concat")


def plain_loops(images: np.ndarray, lists: dict[str, np.ndarray]) -> np.ndarray:
    """Mean in each medium, sum over media, normalised: as the protocol says it."""
    features = []
    for template in np.unique(lists["template"]):
        total = np.zeros(images.shape[1])
        for media in np.unique(lists["media"][lists["template"] == template]):
            total += images[lists["image"][(lists["template"] == template) & (lists["media"] == media)]].mean(0)
        features.append(total / np.linalg.norm(total))
    return np.stack(features)


@pytest.mark.parametrize("use_detector_score", [True, False])
@pytest.mark.parametrize("flip", ["sum", "concat", "none"])
@pytest.mark.parametrize("chunk", [4, 4096])
def test_it_is_the_mean_over_media_summed_and_normalised(
    templates: Templates,
    lists: dict[str, np.ndarray],
    embeddings: Embeddings,
    monkeypatch: pytest.MonkeyPatch,
    use_detector_score: bool,
    flip: str,
    chunk: int,
) -> None:
    monkeypatch.setattr(ijb_templates, "_CHUNK", chunk)
    plain, flipped = embeddings.rows[:, 0], embeddings.rows[:, 1]
    merged = {"sum": plain + flipped, "concat": np.concatenate([plain, flipped], 1), "none": plain}[flip]
    weighted = merged * (templates.score[:, None] if use_detector_score else 1)
    found = template_embeddings(embeddings, templates, flip, use_detector_score)
    np.testing.assert_allclose(found.plain.numpy(), plain_loops(weighted, lists), atol=1e-6)
    assert found.rows.dtype == np.float32


def test_a_view_that_is_lacking_is_refused(templates: Templates, embeddings: Embeddings) -> None:
    with pytest.raises(ValueError, match="flip='sum' cannot be had"):
        template_embeddings(Embeddings(embeddings.rows[:, :1]), templates)


def test_unusable_embeddings_are_refused(templates: Templates, embeddings: Embeddings) -> None:
    with pytest.raises(ValueError, match="11 embeddings for 12 images"):
        template_embeddings(Embeddings(embeddings.rows[1:], "sum"), templates)
    broken = embeddings.rows.copy()
    broken[3, 1, 2] = np.nan
    with pytest.raises(ValueError, match=r"not finite.*3\.jpg"):
        template_embeddings(Embeddings(broken, "sum"), templates)
    with pytest.raises(ValueError, match=r"4 templates have a zero feature, the first is template 5"):
        template_embeddings(Embeddings(np.zeros_like(embeddings.rows), "sum"), templates)
