"""The README and the guides in docs/ keep their word."""

import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from marginface.data import write_synthetic
from marginface.data.layout.photos import write_photos
from marginface.engine.preparation import PREPARE_STEPS
from marginface.prepare import Card


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.slow
def test_library_example_runs(text, tmp_path):
    """As printed, on fewer faces, with a smaller network and one epoch."""
    example = blocks(text, "python")[0]
    for printed, smaller in (
        ("SphereNet(20)", "SphereNet(4)"),
        ("max_epochs=10", "max_epochs=1, limit_train_batches=2"),
    ):
        assert printed in example
        example = example.replace(printed, smaller)
    example = example.replace(
        "num_validation_identities=20,", "num_validation_identities=20, batch_size=16, num_workers=0,"
    )
    write_synthetic(tmp_path / "data" / "synthetic", 24, 40, 20, 200)
    check = "\ntorch.testing.assert_close(same, embedding)\nassert embedding.shape == (1024,)\n"
    (tmp_path / "example.py").write_text(example + check)
    done = subprocess.run([sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def commands(text: str) -> list[str]:
    in_blocks = [line for block in blocks(text, "bash") for line in block.splitlines()]
    in_text = re.findall(r"`(python src/[^`]*)`", text)
    found = [line for line in [*in_blocks, *in_text] if line.startswith("python src/")]
    return [line for line in found if "<" not in line and "head=half" not in line]


def test_every_command_composes(text, root):
    found = commands(text)
    assert len(found) >= 8
    for line in found:
        words = [word for word in shlex.split(line) if word != "-m"]
        words = [re.sub(r"^(head|backbone)=(\w+),.*", r"\1=\2", word) for word in words]  # first job of a sweep
        words = [word.replace("=glob(*)", "=arcface") for word in words]
        done = subprocess.run([sys.executable, *words[1:], "--cfg", "job"], cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.parametrize("name", ["benchmarks", "data", "scale"])
def test_every_command_of_a_guide_composes(name, root):
    with initialize_config_dir(str(root / "conf"), version_base="1.3"):
        for line in commands((root / "docs" / f"{name}.md").read_text()):
            script, *words = [word for word in shlex.split(line)[1:] if word != "-m"]
            words = [re.sub(r"=range\(\d+\)$", "=0", word) for word in words]  # first job of a sweep
            assert (root / script).is_file(), line
            compose(Path(script).stem, words)


def test_the_words_for_each_wish_compose(root):
    rows = (root / "docs" / "data.md").read_text().split("| wish | words |")[1].split("\n\n")[0]
    found = re.findall(r"`(\w[^`]*=[^`]*)`", rows)
    assert len(found) >= 7
    with initialize_config_dir(str(root / "conf"), version_base="1.3"):
        for words in found:
            compose("train", ["data=records", "data.root=pack", *shlex.split(words)])


def test_the_guides_are_these(root):
    assert {path.stem for path in (root / "docs").glob("*.md")} == {"benchmarks", "data", "scale"}


def test_the_guide_to_data_names_every_option_and_field(root):
    guide = (root / "docs" / "data.md").read_text()
    options = {path.stem for path in (root / "conf" / "data").glob("*.yaml")} - {"base"}
    samplers = {f"sampler={path.stem}" for path in (root / "conf" / "sampler").glob("*.yaml")}
    named = set(re.findall(r"`([\w=]+)", guide))
    assert options | samplers | set(PREPARE_STEPS) | {field.name for field in fields(Card)} <= named


@pytest.mark.parametrize("name", ["benchmarks", "data", "scale"])
def test_links_of_a_guide_lead_somewhere(name, root):
    text = (root / "docs" / f"{name}.md").read_text()
    for target in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (root / "docs" / target).exists(), target


def test_the_library_example_of_the_guide_to_data_runs(root, tmp_path, monkeypatch, capsys):
    write_photos(tmp_path / "photos", 2, 2, num_duplicates=0, num_misfiled=0, num_unmarked=0, num_folds=1, num_pairs=1)
    monkeypatch.chdir(tmp_path)
    exec(blocks((root / "docs" / "data.md").read_text(), "python")[0], {})
    assert capsys.readouterr().out == "4 2 {}\n"


def test_options_named_in_the_table_are_those_that_exist(text, root):
    for group, options in re.findall(r"^\| `(\w+)` \| (.*) \|$", text, flags=re.MULTILINE):
        before = (
            re.split(r"[;,(]", options)[0] if group in ("scheduler", "callbacks") else re.sub(r"\([^)]*\)", "", options)
        )
        named = set(re.findall(r"`(\w+)`", before.split(";")[0]))
        exist = {path.stem for path in (root / "conf" / group).glob("*.yaml")}
        assert named <= exist, f"{group}: {named - exist} do not exist"
        if group in ("head", "backbone", "classifier", "experiment", "augment", "optimizer", "benchmark"):
            assert named == exist, f"{group}: {exist - named} are not named"


def test_links_lead_somewhere(text, root):
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (root / target).exists(), target


def test_head_from_outside_is_a_head(text, tmp_path, monkeypatch):
    (tmp_path / "myheads.py").write_text(blocks(text, "python")[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    from hydra.utils import instantiate

    head = instantiate(yaml.safe_load(blocks(text, "yaml")[0]))
    assert type(head).__name__ == "HalfCosFace"
