"""The import rules of the design: what a file may import follows from where it stands."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

OURS = "marginface"
# What the folders and files of the package may import of ours, besides themselves; "" is the package itself.
BELOW = {
    "angular": set(),
    "preprocess": set(),
    "schedule": set(),
    "hardware": set(),
    "embedding": set(),
    "sweep": set(),
    "head": {"angular"},
    "backbone": {"angular"},
    "data": {"angular"},
    "metric": {"angular"},
    "prepare": {"data"},
    "matching": {"hardware"},
    "classifier": {"angular", "head"},
    "outcome": {"metric", "matching", "embedding"},
    "benchmark": {"angular", "metric", "data", "embedding", "matching", "outcome"},
    "callbacks": {"classifier"},
    "parameters": {"classifier"},
    "checkpoint": {"preprocess", "backbone", "classifier"},
    "strategy": {"checkpoint"},
    "audit": {"data", "matching", "embedding", "benchmark", "outcome"},
    "extraction": {"benchmark", "embedding"},
    "report": {"metric", "outcome", "data"},
    "embedder": {
        *("checkpoint", "preprocess", "embedding", "extraction"),
        *("backbone", "metric", "benchmark", "outcome"),
    },
    "recognizer": {
        *("preprocess", "schedule", "parameters", "checkpoint", "strategy"),
        *("head", "backbone", "classifier", "embedder", "embedding"),
    },
    "datamodule": {"data", "metric", "benchmark", "prepare"},
}
LIGHTNING = {"lightning", "pytorch_lightning", "lightning_fabric"}
CONFIG = {"hydra", "omegaconf"}
HOMES_OF_LIGHTNING = {"strategy", "embedder", "recognizer", "datamodule", "checkpoint", "callbacks", "engine"}


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes, but for what stands under ``if TYPE_CHECKING``: that is never imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from nodes(node)


def imported(path: Path) -> set[str]:
    """Dotted names that a file imports, in functions too."""
    found = set()
    for node in nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            if node.module == OURS:  # `from marginface import head` imports marginface.head
                found |= {f"{OURS}.{alias.name}" for alias in node.names}
            else:
                found.add(str(node.module))
    return found


def part(path: Path, package: Path) -> str:
    """Folder or file of the package that a file belongs to."""
    first = path.relative_to(package).parts[0]
    return first.removesuffix(".py")


@pytest.fixture(scope="module")
def package(root: Path) -> Path:
    return root / "src" / OURS


@pytest.fixture(scope="module")
def files(package: Path) -> list[Path]:
    found = sorted(package.rglob("*.py"))
    assert len(found) > 30
    return found


def test_the_reader_of_imports_sees_them(tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(
        "import a.b as c\nfrom d.e import f\nfrom marginface import head, angular\n"
        "def g():\n    import h\n    try:\n        import i\n    except ImportError:\n        pass\n"
        "if TYPE_CHECKING:\n    import never\n"
    )
    assert imported(path) == {"a.b", "d.e", "marginface.head", "marginface.angular", "h", "i"}


def test_every_part_has_its_place(package: Path, files: list[Path]) -> None:
    assert {part(path, package) for path in files} - {"__init__", "engine"} == set(BELOW)


def test_imports_point_downward_only(package: Path, files: list[Path]) -> None:
    wrong = []
    for path in files:
        home = part(path, package)
        if home in ("__init__", "engine"):
            continue
        theirs = {name.split(".")[1] for name in imported(path) if name.startswith(f"{OURS}.")}
        wrong += [f"{path.relative_to(package)} imports {OURS}.{name}" for name in theirs - BELOW[home] - {home}]
    assert wrong == []


def test_the_floors_themselves_have_no_cycle() -> None:
    def all_below(name: str) -> set[str]:
        return BELOW[name].union(*map(all_below, BELOW[name]))  # endless recursion if there is one

    assert all(name not in all_below(name) for name in BELOW)


def test_only_the_engine_and_the_sweep_know_configs(package: Path, files: list[Path]) -> None:
    """The sweep's callback is called by Hydra with configs, before any engine and without torch: a file of its own."""
    users = {part(path, package) for path in files if {name.split(".")[0] for name in imported(path)} & CONFIG}
    assert users == {"engine", "sweep"}


def test_lightning_has_few_homes(package: Path, files: list[Path]) -> None:
    users = {part(path, package) for path in files if {name.split(".")[0] for name in imported(path)} & LIGHTNING}
    assert users <= HOMES_OF_LIGHTNING
    assert "recognizer" in users or "embedder" in users


def test_no_python_imports_the_configs(root: Path) -> None:
    for path in sorted((root / "src").rglob("*.py")):
        assert not {name for name in imported(path) if name.startswith((f"{OURS}.conf", "conf"))}, path


def test_nobody_imports_the_engine_but_the_scripts(root: Path, files: list[Path]) -> None:
    users = {path.parent.name for path in files if any(n.startswith(f"{OURS}.engine") for n in imported(path))}
    assert users == {"engine"}
    for script in ("train", "eval", "report", "prepare", "audit", "preview"):
        assert any(name.startswith(f"{OURS}.engine.") for name in imported(root / "src" / f"{script}.py")), script


def test_the_maths_below_needs_torch_only(package: Path) -> None:
    assert {name.split(".")[0] for name in imported(package / "angular.py")} == {"math", "torch"}
    for path in sorted((package / "head").glob("*.py")):
        roots = {name.split(".")[0] for name in imported(path)}
        assert roots <= {"torch", OURS, *sys.stdlib_module_names}, f"{path.name} imports {roots}"


def test_no_drawers_for_odds_and_ends(files: list[Path]) -> None:
    forbidden = {"utils", "util", "common", "helpers", "helper", "misc"}
    assert [path for path in files if forbidden & {path.stem, *path.parent.parts[-2:]}] == []


def test_no_file_is_longer_than_300_lines(root: Path) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (root / "src").rglob("*.py")}
    assert {str(path.relative_to(root)): n for path, n in lengths.items() if n > 300} == {}


@pytest.mark.parametrize(
    "module", ["marginface", "marginface.sweep.callback", "hydra_plugins", "hydra_plugins.marginface_searchpath"]
)
def test_importing_the_surface_needs_no_torch(root: Path, module: str) -> None:
    heavy = "{'torch', 'lightning', 'numpy', 'cv2', 'timm', 'torchmetrics', 'albumentations', 'matplotlib'}"
    code = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root / "src", capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == []


def test_the_public_names_are_found_when_they_are_asked_for() -> None:
    import marginface

    assert marginface.FaceRecognizer.__module__ == "marginface.recognizer"
    assert marginface.head.ASoftmax.__module__ == "marginface.head.asoftmax"
    assert {"FaceRecognizer", "FaceDataModule", "Preprocess", "head", "backbone"} <= set(dir(marginface))
    with pytest.raises(AttributeError, match=r"FaceRecogniser.*FaceRecognizer"):
        _ = marginface.FaceRecogniser
