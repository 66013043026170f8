"""IJB from a folder to figures, and every contradiction between its lists."""

import inspect
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from marginface.benchmark.ijb import IJB
from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.layout.ijb import write_ijb
from marginface.embedding import Embeddings

OPTIONS = {"fars": (0.1, 0.01), "fpirs": (0.5, 0.01), "ranks": (1, 5), "num_bootstrap": 20}
NUM_SUBJECTS = 4  # templates 1 to 4 are enrolled by turns, 5 to 12 are probes, two a subject


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ijb") / "IJBC"
    write_ijb(folder, "ijbc", NUM_SUBJECTS)
    return folder


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    shutil.copytree(written, tmp_path / "IJBC")
    return tmp_path / "IJBC"


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / "meta" / f"ijbc_{name}"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def subject_of(benchmark: IJB) -> np.ndarray:
    """Subject of each image, from 0."""
    templates = benchmark.templates
    subject = np.empty(len(templates.images), np.int64)
    tid = templates.ids[templates.row]
    subject[templates.image] = np.where(tid <= NUM_SUBJECTS, tid - 1, (tid - NUM_SUBJECTS - 1) // 2)
    return subject


def knowing(benchmark: IJB) -> Embeddings:
    """Embeddings that are a direction for each subject, with a little noise."""
    rng = np.random.default_rng(0)
    one_hot = np.eye(NUM_SUBJECTS)[subject_of(benchmark)][:, None]
    return Embeddings((one_hot + rng.normal(0, 0.05, (len(one_hot), 2, NUM_SUBJECTS))).astype(np.float32), "concat")


def test_a_network_that_knows_everybody_makes_no_error(written: Path) -> None:
    benchmark = IJB(written, **OPTIONS)
    benchmark.check()
    assert len(benchmark.images) == 7 * NUM_SUBJECTS
    assert benchmark.images.load(0).shape == (112, 112, 3)
    found = benchmark.evaluate(knowing(benchmark))
    named = ("rank-1", "tpir@fpir=5e-1")
    assert found.figures.keys() == {
        "tar@far=1e-1",
        *(f"{where}/{name}" for where in ("gallery1", "gallery2", "mean") for name in named),
        "joint/rank-1",
    }
    assert {figure.value for figure in found.figures.values()} == {1.0}
    assert {figure.over for figure in found.figures.values()} == {"identities"}
    assert found.units["tar@far=1e-1"].group.tolist() == [101, 101, 102, 102, 103, 103, 104, 104]
    assert {"tar@far=1e-2", "gallery1/rank-5", "mean/tpir@fpir=1e-2"} <= found.unsupported.keys()
    assert found.excluded == {}
    assert sum(found.histogram[""].impostor) == 24
    shown = subject_of(benchmark)
    assert all((shown[pair.first] == shown[pair.second]) == pair.same for pair in found.hardest)


def test_a_network_that_knows_nobody_errs(written: Path) -> None:
    benchmark = IJB(written, **OPTIONS)
    rows = np.random.default_rng(0).normal(size=(len(benchmark.images), 2, 16)).astype(np.float32)
    found = benchmark.evaluate(Embeddings(rows, "sum"))
    assert found.figures["tar@far=1e-1"].value < 0.8
    assert found.figures["joint/rank-1"].value < 0.8


def test_views_and_detector_scores_are_merged_as_asked(written: Path) -> None:
    benchmark = IJB(written, **OPTIONS)
    rows = np.random.default_rng(0).normal(size=(len(benchmark.images), 2, 16)).astype(np.float32)
    scores = set()
    for options in ({}, {"flip": "none"}, {"flip": "concat"}, {"use_detector_score": False}):
        found = IJB(written, **OPTIONS, **options).evaluate(Embeddings(rows, "sum"))
        scores.add(found.hardest[0].score)
    assert len(scores) == 4
    one_view = IJB(written, **OPTIONS, flip="none").evaluate(Embeddings(rows[:, :1]))
    assert one_view.hardest[0].score in scores


def test_parts_are_switched_off(written: Path) -> None:
    embeddings = knowing(IJB(written))
    verified = IJB(written, **OPTIONS, identification=False).evaluate(embeddings)
    identified = IJB(written, **OPTIONS, verification=False).evaluate(embeddings)
    assert verified.figures.keys() == {"tar@far=1e-1"}
    assert not verified.cmc
    assert {name.split("/")[0] for name in identified.figures} == {"gallery1", "gallery2", "mean", "joint"}
    assert not identified.roc
    with pytest.raises(ValueError, match="leave nothing to do"):
        IJB(written, verification=False, identification=False)


def test_a_part_that_is_off_needs_no_lists(root: Path) -> None:
    for path in (root / "meta").glob("*_1N_*"):
        path.unlink()
    benchmark = IJB(root, **OPTIONS, identification=False)
    found = benchmark.evaluate(knowing(benchmark))
    assert found.figures["tar@far=1e-1"].over == "templates"  # nothing tells the subjects
    assert found.units["tar@far=1e-1"].group.tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    with pytest.raises(DataNotFoundError, match=r"ijbc_1N_gallery_G1\.csv is missing.*NIST by application"):
        IJB(root).check()
    (root / "meta" / "ijbc_template_pair_label.txt").unlink()
    with pytest.raises(DataNotFoundError, match=r"ijbc_template_pair_label\.txt is missing"):
        IJB(root, identification=False).check()


def test_missing_data_are_explained(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"path=.*absent is no folder"):
        IJB(tmp_path / "absent")
    with pytest.raises(DataNotFoundError, match="is empty"):
        IJB(tmp_path).check()


def test_templates_without_images_fail_or_are_left_out(root: Path) -> None:
    (root / "loose_crop" / "1.jpg").unlink()  # templates 1 and 2 have two stills each
    (root / "loose_crop" / "3.jpg").unlink()
    (root / "loose_crop" / "4.jpg").unlink()
    with pytest.raises(DataNotFoundError, match=r"3 of the 28 images .*1\.jpg"):
        IJB(root, **OPTIONS).check()
    benchmark = IJB(root, **OPTIONS, on_missing="exclude")
    benchmark.check()
    assert len(benchmark.images) == 25
    found = benchmark.evaluate(knowing(benchmark))
    assert found.excluded == {
        "images without a file": 3,
        "pairs with a template without images": 8,
        "templates of gallery2 without images": 1,
    }
    assert len(found.units["tar@far=1e-1"].value) == 6
    assert "needs a gallery of more than 1" in found.unsupported["gallery2/rank-1"]
    assert {figure.value for figure in found.figures.values()} == {1.0}


def test_a_pair_that_points_nowhere_fails_or_is_left_out(root: Path) -> None:
    edit(root, "template_pair_label.txt", "1 5 1\n", "1 5 1\n1 99 0\n98 5 0\n")
    with pytest.raises(DataError, match=r"ijbc_template_pair_label\.txt names 1 templates without images, .* 98"):
        IJB(root, **OPTIONS).check()
    benchmark = IJB(root, **OPTIONS, on_missing="exclude")
    found = benchmark.evaluate(knowing(benchmark))
    assert found.excluded == {"pairs with a template without images": 2}


def test_a_probe_that_points_nowhere_fails_or_is_left_out(root: Path) -> None:
    edit(root, "1N_probe_mixed.csv", "\n5,101,", "\n77,101,x\n5,101,")
    with pytest.raises(DataError, match=r"ijbc_1N_probe_mixed\.csv names 1 templates without images, the first is 77"):
        IJB(root, **OPTIONS).check()
    benchmark = IJB(root, **OPTIONS, on_missing="exclude")
    assert benchmark.evaluate(knowing(benchmark)).excluded == {"templates of probes without images": 1}


def test_duplicated_template_ids_are_refused(root: Path) -> None:
    edit(root, "1N_gallery_G1.csv", "\n3,103,", "\n1,103,")
    with pytest.raises(DataError, match=r"ijbc_1N_gallery_G1\.csv line 4: template 1 has subject 103, but subject 101"):
        IJB(root, **OPTIONS).check()


def test_a_probe_that_is_enrolled_too_is_refused(root: Path) -> None:
    edit(root, "1N_gallery_G2.csv", "\n2,102,", "\n5,101,x\n2,102,")
    with pytest.raises(DataError, match=r"1 template ids stand in more than one .* the first is 5: a probe would find"):
        IJB(root, **OPTIONS).check()


def test_a_gallery_of_strangers_is_refused(root: Path) -> None:
    edit(root, "1N_gallery_G1.csv", ",101,", ",901,")
    edit(root, "1N_gallery_G1.csv", ",103,", ",903,")
    with pytest.raises(DataError, match=r"G1\.csv: no probe shows a subject of it"):
        IJB(root, **OPTIONS).check()


def test_pairs_of_one_kind_left_are_refused(root: Path) -> None:
    edit(root, "template_pair_label.txt", " 0\n", "9 0\n")  # impostors now name templates that are not there
    with pytest.raises(DataError, match="no genuine or no impostor pair is left"):
        IJB(root, **OPTIONS, on_missing="exclude").check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"edition": "ijba"}, "edition='ijba'"),
        ({"flip": "max"}, "flip='max' is unknown; choose one of concat, sum, none"),
        ({"on_missing": "skip"}, "on_missing='skip'"),
        ({"fars": (0.0,)}, "fars="),
        ({"fpirs": (2.0,)}, "fpirs="),
        ({"ranks": (0,)}, "ranks="),
        ({"num_bootstrap": 0}, "num_bootstrap=0"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IJB(tmp_path, **options)


def test_embeddings_of_other_images_are_refused(written: Path) -> None:
    benchmark = IJB(written, **OPTIONS)
    rows = knowing(benchmark).rows
    with pytest.raises(ValueError, match="27 embeddings for 28 images"):
        benchmark.evaluate(Embeddings(rows[1:], "sum"))
    rows[5] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        benchmark.evaluate(Embeddings(rows, "sum"))


def test_it_travels_to_workers_and_serves_as_a_metric(written: Path) -> None:
    benchmark = pickle.loads(pickle.dumps(IJB(written, **OPTIONS)))
    embeddings = knowing(benchmark)
    metric = benchmark.metric()
    metric.update(torch.arange(len(embeddings)), embeddings.plain, embeddings.flipped)
    assert metric.compute() == dict(benchmark.evaluate(embeddings).figures)


@pytest.mark.parametrize("edition", ["ijbb", "ijbc"])
def test_the_yaml_spells_out_the_defaults(root: Path, edition: str) -> None:
    conf = Path(__file__).resolve().parents[2] / "conf" / "benchmark" / f"{edition}.yaml"
    options = OmegaConf.load(conf)
    written = OmegaConf.to_container(options[edition], resolve=False)
    assert written.pop("_target_") == "marginface.benchmark.IJB"
    assert written.pop("path") == f"${{data.root}}/{edition.upper()}"
    assert written.pop("edition") == edition
    parameters = inspect.signature(IJB).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items() if name not in ("path", "edition")}
    assert {k: tuple(v) if isinstance(v, list) else v for k, v in written.items()} == defaults
    IJB(root, edition, **written)
