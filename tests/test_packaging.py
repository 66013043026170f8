"""What a wheel holds, and that it works away from the checkout."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import marginface


@pytest.fixture(scope="module")
def source(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build needs, away from the checkout: a build leaves files beside its sources."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, folder)
    for name in ("src", "conf", "tests", "bench"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed."""
    folder = tmp_path_factory.mktemp("site")
    words = ["install", "--quiet", "--no-deps", "--target", str(folder), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True, timeout=300)
    return folder


def python(code: str, site: Path, cwd: Path) -> list[str]:
    """Lines that a program prints, which finds the installed wheel first."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_wheel_holds_the_sources_and_configs_and_nothing_else(root: Path, wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    code = {str(p.relative_to(root / "src")) for p in (root / "src" / "marginface").rglob("*.py")}
    configs = {f"marginface/conf/{p.relative_to(root / 'conf')}" for p in (root / "conf").rglob("*.yaml")}
    assert len(configs) > 40
    plugin = {"hydra_plugins/marginface_searchpath.py"}
    code |= {str(p.relative_to(root / "src")) for p in (root / "src" / "marginface").rglob("*.j2")}
    assert held == code | configs | plugin | {"marginface/conf/__init__.py", "marginface/py.typed"}


def test_the_wheel_carries_licence_and_readme(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    (metadata,) = [archive.read(n).decode() for n in names if n.endswith(".dist-info/METADATA")]
    assert f"Version: {marginface.__version__}" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert "# marginface" in metadata


def test_the_installed_wheel_works_outside_the_checkout(site: Path, tmp_path: Path) -> None:
    code = (
        "import sys, marginface\n"
        "from hydra import compose, initialize_config_module\n"
        "print(marginface.__file__)\n"
        "with initialize_config_module('marginface.conf', version_base='1.3'):\n"
        "    cfg = compose('train', ['head=cosface', 'backbone=sphere36', 'run_dir=x'])\n"
        "print(cfg.head._target_, cfg.backbone.depth, 'torch' in sys.modules)\n"
        "from hydra.utils import instantiate\n"
        "print(type(instantiate(cfg.head)).__name__)\n"
    )
    where, what, head = python(code, site, tmp_path)
    assert Path(where).is_relative_to(site)
    assert what == "marginface.head.CosFace 36 False"
    assert head == "CosFace"


def test_every_module_of_the_wheel_is_importable(site: Path, tmp_path: Path) -> None:
    code = (
        "import pkgutil, importlib, marginface\n"
        "for m in pkgutil.walk_packages(marginface.__path__, 'marginface.'):\n"
        "    module = importlib.import_module(m.name)\n"
        "    print(module.__file__)\n"
    )
    found = python(code, site, tmp_path)
    assert len(found) > 30
    assert all(Path(path).is_relative_to(site) for path in found)


def test_the_pins_cover_what_the_project_asks_for(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["dev"]
    lines = (root / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))  # exact versions, no URL
    names = {name.lower().replace("_", "-") for name in pins}
    assert {word.split(">=")[0].lower().replace("_", "-") for word in asked} <= names
    assert all("+" not in version for version in pins.values())
