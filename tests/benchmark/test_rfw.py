"""RFW from original lists and from packed files."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from marginface.benchmark.rfw import GROUPS, RFW
from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.layout.rfw import write_rfw, write_rfw_bins
from marginface.embedding import Embeddings

NAMES = [group.lower() for group in GROUPS]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rfw")
    write_rfw(root, num_folds=2)
    return root


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "rfw"))


def tiny(path: Path, **options: object) -> RFW:
    return RFW(path, num_folds=2, num_bootstrap=50, fars=[0.25, 0.1], **options)  # type: ignore[arg-type]


def knowing(benchmark: RFW, groups: tuple[str, ...]) -> Embeddings:
    """Embeddings that tell the people of some groups apart, and take all others for one person."""
    names = [Path(benchmark.images.where(i)).parts[-3:] for i in range(len(benchmark.images))]
    people = sorted({name[1] for name in names})
    vectors = torch.eye(len(people))
    rows = [vectors[people.index(name[1])] if name[0] in groups else vectors[0] for name in names]
    return Embeddings.of(torch.stack(rows), torch.stack(rows))


def test_figures_of_each_group_and_over_the_groups(written: Path) -> None:
    benchmark = tiny(written)
    benchmark.check()
    outcome = benchmark.evaluate(knowing(benchmark, ("African", "Asian", "Indian")))
    values = {name: figure.value for name, figure in outcome.figures.items()}
    for protocol in ("insightface", "strict"):
        own = [values[f"{name}/accuracy@{protocol}"] for name in NAMES]
        assert own == [1, 1, 0.5, 1]
        assert values[f"mean/accuracy@{protocol}"] == np.mean(own)
        assert values[f"std/accuracy@{protocol}"] == pytest.approx(np.std(own))
        assert values[f"gap/accuracy@{protocol}"] == 0.5
    assert values["asian/auc"] == 1
    assert values["caucasian/tar@far=2.5e-1"] == 0
    assert outcome.unsupported["indian/tar@far=1e-1"] == "needs 10 impostor pairs, there are 4"
    assert list(outcome.roc) == list(outcome.histogram) == NAMES
    assert {pair.same for pair in outcome.hardest} == {False, True}
    assert outcome.excluded == {}


def test_means_have_their_units(written: Path) -> None:
    benchmark = tiny(written)
    outcome = benchmark.evaluate(knowing(benchmark, ("African",)))
    for name in ("mean/accuracy@strict", "african/accuracy@strict", "indian/accuracy@insightface"):
        assert outcome.units[name].value.mean() == pytest.approx(outcome.figures[name].value)
    assert len(outcome.units["mean/accuracy@strict"].value) == 32


def test_lists_and_packed_files_hold_the_same_pairs(written: Path, tmp_path: Path) -> None:
    write_rfw_bins(tmp_path, num_folds=2)
    listed, packed = tiny(written), pickle.loads(pickle.dumps(tiny(tmp_path)))
    assert list(listed.images) == list(packed.images)
    embeddings = knowing(listed, ("Asian", "Indian"))
    assert listed.evaluate(embeddings).figures == packed.evaluate(embeddings).figures


def test_training_sees_the_same_figures(written: Path) -> None:
    benchmark = tiny(written)
    embeddings = knowing(benchmark, ("Indian",))
    metric = benchmark.metric()
    metric.update(torch.arange(len(embeddings)), embeddings.plain, embeddings.flipped)
    assert metric.compute() == benchmark.evaluate(embeddings).figures


def test_missing_images_are_refused_or_counted_by_group(root: Path) -> None:
    image = next((root / "data" / "Asian").rglob("*_0001.jpg"))
    image.unlink()
    with pytest.raises(DataNotFoundError, match=rf"1 of the 32 images .*{image.name} .*Asian_pairs\.txt, line 1\)"):
        tiny(root).check()
    benchmark = tiny(root, on_missing="exclude")
    outcome = benchmark.evaluate(knowing(benchmark, GROUPS))
    lost = 16 * 2 - len(benchmark.grouped.pairs)
    assert outcome.excluded == {"asian pairs with a missing image": lost}
    assert lost > 0
    assert "mean/accuracy@strict" in outcome.figures
    assert "mean/accuracy@strict" not in outcome.units  # groups of other sizes weigh the same


def test_a_fold_without_any_pair_is_refused(root: Path) -> None:
    text = (root / "txts" / "Indian" / "Indian_pairs.txt").read_text().splitlines()
    for person in {line.split()[0] for line in text[4:]}:
        shutil.rmtree(root / "data" / "Indian" / person)
    with pytest.raises(PairsError, match=r"Indian has no pair left in the folds \[2\]"):
        tiny(root, on_missing="exclude").check()


def test_missing_files_and_wrong_settings(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"absent is no folder.*ICCV 2019"):
        RFW(tmp_path / "absent")
    with pytest.raises(ValueError, match="name two at least, each once"):
        RFW(root, groups=["Asian", "Asian", "Indian"])
    with pytest.raises(ValueError, match="on_missing='skip'"):
        RFW(root, on_missing="skip")
    with pytest.raises(ValueError, match="protocols has unknown"):
        tiny(root, protocols=["lenient"]).check()
    with pytest.raises(ValueError, match="embeddings for 32 images"):
        tiny(root).evaluate(Embeddings.of(torch.zeros(3, 2)))
    (root / "txts" / "Asian" / "Asian_pairs.txt").unlink()
    with pytest.raises(
        DataNotFoundError, match=r"1 files are missing, the first is .*Asian_pairs\.txt.*holds data, txts"
    ):
        tiny(root).check()
    (root / "Indian_test.bin").touch()
    with pytest.raises(DataNotFoundError, match=r"3 files are missing, the first is .*African_test\.bin"):
        tiny(root).check()
