import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from marginface.data.errors import DataNotFoundError
from marginface.data.image_set import ImageSet
from marginface.engine.reporting import compare
from marginface.outcome import Outcome
from marginface.report import compare_reports, write_report


@pytest.fixture(scope="module")
def runs(
    weak: Mapping[str, Outcome],
    strong: Mapping[str, Outcome],
    images: dict[str, ImageSet],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Path]:
    root = tmp_path_factory.mktemp("runs")
    for name, outcomes in (("sphere20", weak), ("iresnet50", strong)):
        write_report(root / name, outcomes, images, {"model": f"{name} model"})
    return [root / "sphere20", root / "iresnet50"]


def test_one_call_writes_all_files_of_an_evaluation(runs: list[Path]) -> None:
    written = {path.name for path in runs[0].iterdir()}
    assert written == {
        *("metrics.json", "roc.csv", "scores.csv", "confusion.json"),
        *("report.json", "units.npz", "report.html"),
    }
    assert "<h1>Evaluation of sphere20 model</h1>" in (runs[0] / "report.html").read_text(encoding="utf-8")


def test_several_evaluations_get_one_page(runs: list[Path], tmp_path: Path) -> None:
    page = compare_reports(runs, None, tmp_path / "made" / "here")
    assert page == tmp_path / "made" / "here" / "report.html"
    assert "<h1>Comparison of sphere20, iresnet50</h1>" in page.read_text(encoding="utf-8")


def test_models_may_be_given_names(runs: list[Path], tmp_path: Path) -> None:
    text = compare_reports(runs, ["ours", "theirs"], tmp_path).read_text(encoding="utf-8")
    assert "<h1>Comparison of ours, theirs</h1>" in text


def test_a_single_evaluation_may_be_drawn_again(runs: list[Path], tmp_path: Path) -> None:
    again = compare_reports(runs[:1], ["sphere20 model"], tmp_path)
    assert again.read_bytes() == (runs[0] / "report.html").read_bytes()


def test_folders_with_the_same_name_are_called_by_their_paths(runs: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "sphere20"
    other.symlink_to(runs[1])
    text = compare_reports([runs[0], other], None, tmp_path).read_text(encoding="utf-8")
    assert f"<h1>Comparison of {runs[0]}, {other}</h1>" in text


def test_a_folder_without_a_saved_report_is_named(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=rf"{tmp_path}/empty has no report\.json: .*src/eval\.py"):
        compare_reports([runs[0], tmp_path / "empty"], None, tmp_path)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("choice", "names", "message"),
    [
        ([], None, "results is empty; give results folders"),
        ([0, 1], ["a"], r"names=\['a'\] has 1 entries for 2 results"),
        ([0, 1], ["a", "a"], "two of the results are called a"),
        ([0, 0], None, "two of the results are called"),
    ],
)
def test_names_that_do_not_fit_are_refused(
    runs: list[Path], tmp_path: Path, choice: list[int], names: list[str] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compare_reports([runs[i] for i in choice], names, tmp_path)


def test_the_command_says_where_the_page_is(root: Path, runs: list[Path], tmp_path: Path) -> None:
    folders = ",".join(map(str, runs))
    words = [f"results=[{folders}]", "names=[ours,theirs]", f"hydra.run.dir={tmp_path / 'run'}"]
    done = subprocess.run(
        [sys.executable, str(root / "src" / "report.py"), *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "run" / "report.html") in done.stdout
    assert "Comparison of ours, theirs" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_the_command_refuses_unknown_keys(runs: list[Path], tmp_path: Path) -> None:
    cfg = OmegaConf.create({"results": [str(runs[0])], "names": None, "out": str(tmp_path), "results_dir": "x"})
    with pytest.raises(
        ValueError, match=r"unknown config key\(s\) results_dir; known are names, out, results, run_dir"
    ):
        compare(cfg)


def test_a_single_folder_needs_no_brackets(runs: list[Path], tmp_path: Path) -> None:
    compare(OmegaConf.create({"results": str(runs[0]), "names": None, "out": str(tmp_path / "page")}))
    assert "<h1>Evaluation of sphere20</h1>" in (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
