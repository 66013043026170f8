"""MegaFace challenge 1 against loops over all pairs, hand-made answers, and bad input."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from marginface.benchmark.base import Benchmark, FeatureFiles
from marginface.benchmark.megaface import MegaFace
from marginface.data.benchmark_files.megaface_distractors import list_name
from marginface.data.benchmark_files.megaface_lists import PhotoList, write_photo_list
from marginface.data.errors import DataError, DataNotFoundError
from marginface.embedding import Embeddings

WHO = ["A", "B", "A", "C", "B", "A", "C", "C", "C", "D"]  # D has no mate
NUM_DISTRACTORS = 30


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Lists without images, for those who only score."""
    lists = tmp_path / "devkit/templatelists"
    lists.mkdir(parents=True)
    for probe in ("facescrub", "fgnet"):
        path = [f"{who}/{number}.png" for number, who in enumerate(WHO)]
        write_photo_list(lists / f"{probe}_features_list.json", PhotoList(path, WHO))
    distractors = [f"1/x@N00/{number}.jpg" for number in range(NUM_DISTRACTORS)]
    write_photo_list(lists / list_name(30, 1), PhotoList(distractors))
    write_photo_list(lists / list_name(10, 1), PhotoList(distractors[::-3]))
    return tmp_path


def megaface(root: Path, **options: Any) -> MegaFace:
    settings: dict[str, Any] = {"sizes": [10, 30], "fars": [1e-2, 1e-1], "num_bootstrap": 20}
    return MegaFace(root, **settings | options)


def unit_rows(num: int, seed: int = 0, noise: float = 0.9) -> np.ndarray:
    """Rows of probes around a centre each identity, then of distractors around the same centres."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(4, 6))
    rows = np.stack([centre[number % 4] + noise * rng.normal(size=6) for number in range(num)])
    for number, who in enumerate(WHO[:9]):
        rows[number] = centre["ABCD".index(who)] + 0.5 * rng.normal(size=6)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def rank_1(probes: np.ndarray, who: list[str], gallery: np.ndarray) -> float:
    """Share of ordered pairs of one identity that outrank all distractors."""
    hits = []
    for p, probe in enumerate(probes):
        for g, mate in enumerate(probes):
            if p != g and who[p] == who[g]:
                hits.append(all(probe @ mate > probe @ other for other in gallery))
    return float(np.mean(hits))


def tar(probes: np.ndarray, who: list[str], gallery: np.ndarray, far: float) -> float:
    impostor = sorted((float(probe @ other) for probe in probes for other in gallery), reverse=True)
    cut = impostor[int(far * len(impostor))]
    pairs = [(p, g) for p in range(len(who)) for g in range(p) if who[p] == who[g]]
    return float(np.mean([float(probes[p] @ probes[g]) > cut for p, g in pairs]))


@pytest.mark.parametrize("subsets", ["lists", "prefix"])
def test_figures_are_those_of_loops_over_all_pairs(subsets: str, root: Path) -> None:
    rows, who = unit_rows(9 + NUM_DISTRACTORS), WHO[:9]
    probes, distractors = rows[:9], rows[9:]
    outcome = megaface(root, subsets=subsets).evaluate(Embeddings(rows[:, None]))
    small = distractors[::-3] if subsets == "lists" else distractors[:10]
    expected = {
        "rank-1@distractors=1e1": rank_1(probes, who, small),
        "rank-1@distractors=3e1": rank_1(probes, who, distractors),
        "tar@far=1e-2": tar(probes, who, distractors, 1e-2),
        "tar@far=1e-1": tar(probes, who, distractors, 1e-1),
    }
    assert 0 < expected["rank-1@distractors=3e1"] < expected["rank-1@distractors=1e1"] < 1
    assert 0 < expected["tar@far=1e-2"] < expected["tar@far=1e-1"] < 1
    assert list(outcome.figures) == list(outcome.units) == list(expected)
    for name, figure in outcome.figures.items():
        assert figure.value == pytest.approx(expected[name]), name
        assert figure.low <= figure.value <= figure.high
        assert figure.over == "identities"
        assert outcome.units[name].value.mean() == pytest.approx(figure.value)
        assert set(outcome.units[name].group.tolist()) == {0, 1, 2}
    assert len(outcome.units["rank-1@distractors=1e1"].value) == 3 * 2 + 2 * 1 + 4 * 3
    assert outcome.excluded == {"probes without another photo of their identity": 1}
    assert outcome.unsupported == {}


def test_what_a_report_draws(root: Path) -> None:
    outcome = megaface(root).evaluate(Embeddings(unit_rows(39)[:, None]))
    line = outcome.lines["rank-1 over distractors"]
    rates = [outcome.figures[f"rank-1@distractors={size}"].value for size in ("1e1", "3e1")]
    assert (list(line.x), list(line.y), line.log_x) == ([10, 30], rates, True)
    curve = outcome.cmc["30 distractors"]
    assert len(curve) == 10
    assert curve[0] == pytest.approx(rates[1])
    assert list(curve) == sorted(curve)
    assert outcome.roc[""].far[-1] == pytest.approx(0.1, abs=0.01)
    assert [threshold.num_impostor for threshold in outcome.thresholds] == [9 * 30] * 2
    false = [pair for pair in outcome.hardest if not pair.same]
    assert all(pair.first < 9 <= pair.second < 39 for pair in false)
    true = [pair for pair in outcome.hardest if pair.same]
    assert all(WHO[pair.first] == WHO[pair.second] for pair in true)


def test_hand_made_answers(root: Path) -> None:
    # A and C are recognised by all of their photos, B's two photos are unlike, one distractor looks like C
    axis = np.eye(8, dtype=np.float32)
    probes = axis[[0, 1, 0, 3, 2, 0, 3, 3, 3]]
    distractors = np.repeat(axis[[7]], NUM_DISTRACTORS, axis=0)
    distractors[29] = axis[3]
    outcome = megaface(root, subsets="prefix").evaluate(Embeddings(np.concatenate((probes, distractors))[:, None]))
    # 6 + 12 of the 20 ordered pairs; B's score of 0 ties with every distractor's, and C's 1 with the last one's
    assert outcome.figures["rank-1@distractors=1e1"].value == pytest.approx(18 / 20)
    assert outcome.figures["rank-1@distractors=3e1"].value == pytest.approx(6 / 20)
    assert outcome.cmc["30 distractors"][1] == pytest.approx(18 / 20)
    # 4 impostor pairs score 1: more than 1e-2 of the 270 and less than 1e-1
    assert outcome.figures["tar@far=1e-2"].value == 0
    assert outcome.figures["tar@far=1e-1"].value == pytest.approx(9 / 10)


def test_views_are_merged_as_the_model_does(root: Path) -> None:
    rows = unit_rows(39)
    both = np.stack((rows, rows[::-1].copy()), axis=1)
    outcome = megaface(root).evaluate(Embeddings(both, "sum"))
    merged = both.sum(1)
    expected = megaface(root).evaluate(Embeddings(merged[:, None]))
    assert outcome.figures == expected.figures


def test_sizes_and_rates_without_support_have_no_number(root: Path) -> None:
    benchmark = megaface(root, sizes=[5, 10, 30], fars=[1e-6, 1e-2])
    outcome = benchmark.evaluate(Embeddings(unit_rows(39)[:, None]))
    assert list(outcome.figures) == ["rank-1@distractors=1e1", "rank-1@distractors=3e1", "tar@far=1e-2"]
    assert list(outcome.unsupported) == ["rank-1@distractors=5e0", "tar@far=1e-6"]
    assert outcome.unsupported["tar@far=1e-6"] == "needs 1,000,000 impostor pairs, there are 270"


def test_a_short_list_still_serves_verification(root: Path) -> None:
    lists = root / "devkit/templatelists"
    (lists / list_name(30, 1)).rename(lists / list_name(1_000_000, 1))
    (lists / list_name(10, 1)).unlink()
    outcome = megaface(root, sizes=[10, 1_000_000]).evaluate(Embeddings(unit_rows(39)[:, None]))
    assert list(outcome.figures) == ["tar@far=1e-2", "tar@far=1e-1"]
    assert "has 30" in outcome.unsupported["rank-1@distractors=1e6"]
    assert list(outcome.cmc) == ["30 distractors"]
    assert outcome.lines == {}


def test_noise_is_left_out_as_if_the_lists_had_not_named_it(root: Path) -> None:
    (root / "p.txt").write_text("#comment\n2.png\n")
    (root / "d.txt").write_text("#comment\n1/x@N00/0.jpg\n1/x@N00/29.jpg\n")
    benchmark = megaface(root, subsets="prefix", probe_noises="p.txt", distractor_noises="d.txt")
    rows = unit_rows(39)
    kept = np.setdiff1d(np.arange(39), [2, 9, 38])
    outcome = benchmark.evaluate(Embeddings(rows[kept][:, None]))
    who = [WHO[number] for number in range(9) if number != 2]
    probes = rows[kept[:8]]
    assert outcome.figures["rank-1@distractors=1e1"].value == pytest.approx(rank_1(probes, who, rows[10:19]))
    assert outcome.figures["rank-1@distractors=3e1"].value == pytest.approx(rank_1(probes, who, rows[10:38]))
    assert outcome.excluded["probes named as noise"] == 1
    assert outcome.excluded["distractors named as noise"] == 2


@pytest.mark.parametrize("probe", ["facescrub", "fgnet"])
def test_features_travel_through_the_organisers_files(probe: str, root: Path, tmp_path: Path) -> None:
    benchmark = megaface(root, probe=probe, algorithm="x")
    assert isinstance(benchmark, Benchmark)
    assert isinstance(benchmark, FeatureFiles)
    rows = unit_rows(39)
    benchmark.write_features(Embeddings(3 * rows[:, None]), str(tmp_path / "features"))
    assert (tmp_path / f"features/{probe}/A/0.png_x.bin").is_file()
    assert (tmp_path / "features/megaface/1/x@N00/29.jpg_x.bin").is_file()
    read = benchmark.read_features(str(tmp_path / "features"))
    np.testing.assert_allclose(read.rows[:, 0], rows, atol=1e-6)
    assert benchmark.evaluate(read).figures == benchmark.evaluate(Embeddings(rows[:, None])).figures


def test_images_are_probes_then_distractors(root: Path) -> None:
    benchmark = megaface(root, probe="fgnet")
    benchmark.check()
    with pytest.raises(DataNotFoundError, match=r"39 of the 39 images .* the first is fgnet_images/A/0\.png"):
        _ = benchmark.images
    kept = [f"fgnet_images/{WHO[number]}/{number}.png" for number in (0, 1, 2, 4)]
    for name in (*kept, "megaface_images/1/x@N00/7.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    benchmark = pickle.loads(pickle.dumps(megaface(root, probe="fgnet", on_missing="exclude")))
    assert [image.decode() for image in benchmark.images] == [*kept, "megaface_images/1/x@N00/7.jpg"]
    assert benchmark.photos.excluded["probes with a missing image"] == 6
    assert benchmark.photos.excluded["distractors with a missing image"] == 29


def test_unsuitable_embeddings(root: Path) -> None:
    rows = torch.from_numpy(unit_rows(39)).clone()
    with pytest.raises(ValueError, match="38 embeddings for 39 images"):
        megaface(root).evaluate(Embeddings.of(rows[1:]))
    rows[10, 2] = torch.nan
    with pytest.raises(ValueError, match=r"1 of the 39 .* the first is that of megaface/1/x@N00/1\.jpg"):
        megaface(root).evaluate(Embeddings.of(rows))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probe": "lfw"}, "probe=lfw is unknown: choose facescrub or fgnet"),
        ({"subsets": "random"}, "subsets=random is unknown"),
        ({"on_missing": "skip"}, "on_missing=skip is unknown: choose fail or exclude"),
        ({"sizes": [100, 10]}, r"sizes=\[100, 10\] must be"),
        ({"sizes": []}, "sizes"),
        ({"sizes": [0, 10]}, "sizes"),
        ({"fars": [1e-6, 0]}, "fars"),
        ({"algorithm": "a/b"}, "algorithm='a/b'"),
        ({"num_bootstrap": 0}, "num_bootstrap=0"),
    ],
)
def test_settings_out_of_range(options: dict[str, Any], message: str, root: Path) -> None:
    with pytest.raises(ValueError, match=message):
        megaface(root, **options)


def test_missing_data_say_where_they_come_from_and_what_was_found(root: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"path=.*absent: .* holds devkit; .*megaface_images/.*Washington"):
        megaface(root / "absent")
    with pytest.raises(DataNotFoundError, match=r"list_folder=.*nowhere is missing: .* holds devkit; expected are"):
        megaface(root, list_folder="nowhere").check()
    with pytest.raises(DataNotFoundError, match=r"fgnet_feature_list\.json is missing; .*fgnet_features_list\.json"):
        megaface(root, probe_list="fgnet_feature_list.json").check()
    (root / "devkit/templatelists/facescrub_features_list.json").write_text('{"path": ["a"], "id": ["A", "B"]}')
    with pytest.raises(DataError, match="1 entries in path, but 2 in id"):
        megaface(root).check()
