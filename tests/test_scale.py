"""What the processes of a sharded run exchange: the embeddings and a few numbers per row, whatever the classes."""

import json
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from marginface.head import CosFace, SphereFace2

FAMILIES = ["cosface", "asoftmax", "curricularface", "sphereface2"]  # the target, its scale, the negatives, separable
FEW, MANY = 20, 500


@pytest.fixture(scope="module")
def plan(root: Path) -> ModuleType:
    """The formulas, as the benchmark has them."""
    spec = spec_from_file_location("scale", root / "bench" / "scale.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def steps(root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """Bytes of one step, of both of two processes."""
    path = tmp_path_factory.mktemp("scale") / "volume.json"
    sizes = ["--rows", "4", "--dim", "16", "--volume-classes", str(FEW), str(MANY)]
    done = subprocess.run(
        [sys.executable, root / "bench/sharded.py", "--parts", "volume", "--json", path, *sizes, "--heads", *FAMILIES],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    processes = json.loads(path.read_text())["volume"]
    assert len(processes) == 2
    return [step for process in processes for step in process]


def test_every_byte_is_planned(steps: list[dict]) -> None:
    for step in steps:
        assert step["counted"] == step["planned"], step


@pytest.mark.parametrize("name", FAMILIES)
def test_neither_classes_nor_the_sample_rate_change_what_is_exchanged(steps: list[dict], name: str) -> None:
    alike = [step for step in steps if (step["head"], step["sent"]) == (name, 4)]
    assert {(step["classes"], step["rate"]) for step in alike} == {(FEW, 1.0), (MANY, 1.0), (MANY, 0.25)}
    assert len({(step["calls"], *step["counted"].values()) for step in alike}) == 1


@pytest.mark.parametrize(
    ("name", "sent", "gathered", "per_row", "once"),
    [
        # Gathered: counts of rows; label, length, embedding of 8 rows. Reduced: numbers per row; numbers of the step.
        ("cosface", 4, 16 + 8 * (8 + 4 + 4 * 16), 5, 0),
        ("cosface", 2, 16 + 8 * (8 + 4 + 2 * 16), 5, 0),
        ("asoftmax", 4, 16 + 8 * (8 + 4 + 4 * 16), 6, 0),
        ("curricularface", 4, 16 + 8 * (8 + 4 + 4 * 16), 5, 0),
        ("sphereface2", 4, 16 + 8 * (8 + 4 + 4 * 16), 4, 1),
    ],
)
def test_the_bytes_of_two_processes_with_four_rows_each(
    steps: list[dict], name: str, sent: int, gathered: int, per_row: int, once: int
) -> None:
    step = next(step for step in steps if (step["head"], step["sent"]) == (name, sent))
    expected = {"gathered": gathered, "reduced": 4 * (8 * per_row + once), "scattered": 4 * 8 * 16, "other": 0}
    assert step["counted"] == expected


@pytest.mark.parametrize("head", [CosFace(), SphereFace2()])
def test_the_exchange_grows_with_the_rows_alone(plan: ModuleType, head: CosFace) -> None:
    def numbers(rows: int, classes: int = 1000) -> list[int]:
        return list(plan.volume(head, plan.Setting(classes, rows, processes=2)))

    one, two, three = (numbers(rows) for rows in (8, 16, 24))
    assert [b - a for a, b in zip(one, two, strict=True)] == [b - a for a, b in zip(two, three, strict=True)]
    assert numbers(8, 10**7) == one


def test_the_written_plan_has_the_figures_of_the_formulas(
    plan: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["scale.py"])
    plan.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(lines) > 2 * len(plan.IDENTITIES)
    written = (root / "docs" / "scale.md").read_text().splitlines()
    assert [line for line in lines if line not in written] == []
