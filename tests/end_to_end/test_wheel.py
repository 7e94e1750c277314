"""The wheel, installed away from the checkout, has all that a run and a package need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

RECIPE = """\
name = "small"
model = "cnn:4"
profile_runs = 5

[training]
epochs = 1

[[variants]]
target = "tflite"
scheme = "int8"
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the package as the wheel brings it; its dependencies are ours."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"  # a build writes into its tree
    shutil.copytree(
        ROOT / "edgeconv", tree / "edgeconv", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, tree)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*wheel, str(tree)], check=True, cwd=folder)
    (built,) = folder.glob("*.whl")
    target = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(built)], check=True)
    return target


def edgeconv(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the installed package from another folder, without the checkout on the path."""
    code = "import edgeconv, sys; print(edgeconv.__file__); from edgeconv.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )


@pytest.mark.heavy
def test_run_and_integrate_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(RECIPE)
    run = edgeconv(installed, tmp_path, "run", "small.toml", "--out", "bundle", "--allow-not-run")
    assert str(installed) in run.stdout
    # one epoch may fail a gate; a file of the package that is missing may not
    assert run.returncode in (0, 1), run.stdout + run.stderr
    assert (tmp_path / "bundle" / "cnn-4_int8.tflite").is_file()
    assert (tmp_path / "bundle" / "report.html").is_file()
    package = edgeconv(installed, tmp_path, "integrate", "web", "bundle", "--out", "web")
    assert package.returncode == 0, package.stderr
    assert (tmp_path / "web" / "tsconfig.json").is_file()
