"""The README keeps its word."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from marginface.data import write_synthetic


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
