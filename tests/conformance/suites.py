"""Which of coremltools' test modules can judge the runtime, and how one of them is run."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TORCH = ROOT / "build" / "torch"
"""Where `make torch` installs PyTorch, apart from the environment of the project."""

SUITES = {
    "operations": "converters/mil/mil/ops/tests",
    "passes": "converters/mil/mil/passes/tests",
    "milproto": "converters/mil/frontend/milproto",
    "tensorflow2": "converters/mil/frontend/tensorflow2/test",
    "tensorflow": "converters/mil/frontend/tensorflow/test",
    "torch": "converters/mil/frontend/torch/test",
}

PACKAGES = ("coremltools", "numpy", "tensorflow", "keras", "torch")
"""Whose versions bear on the results."""


@dataclass(frozen=True)
class Module:
    """One file of tests in the wheel; `name` is its path from `coremltools` on."""

    suite: str
    name: str

    @property
    def dotted(self) -> str:
        return "coremltools." + self.name.removesuffix(".py").replace("/", ".")

    @property
    def file(self) -> str:
        """A file name for its results."""
        return self.name.removeprefix("converters/mil/").replace("/", "-") + ".jsonl"

    def file_again(self, label: str) -> str:
        """A file name for the results of cases that ran once more."""
        return self.file.replace(".jsonl", f"@{label}.jsonl")


def modules(suites: Sequence[str] = tuple(SUITES)) -> list[Module]:
    """The modules of these suites, in the order of SUITES."""
    spec = find_spec("coremltools")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    return [
        Module(suite, path.relative_to(package).as_posix())
        for suite, folder in SUITES.items()
        if suite in suites
        for path in sorted((package / folder).rglob("test_*.py"))
    ]


def environment() -> dict[str, str]:
    """Of the process that runs the tests: PyTorch added where it was installed, threads bounded.

    Folders of PYTHONPATH come first: they may hold other versions of packages.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [*filter(None, given), str(ROOT), *([str(TORCH)] if TORCH.exists() else [])]
    settings = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    settings["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # only ours
    return {**os.environ, **settings, "PYTHONPATH": os.pathsep.join(paths)}


@cache
def has_torch() -> bool:
    """Whether PyTorch can be imported in that process."""
    command = [sys.executable, "-c", "import torch"]
    return subprocess.run(command, env=environment(), capture_output=True).returncode == 0


def sources_digest(folder: Path) -> str:
    """Of the Python files below a folder; another one if a byte or a name changes."""
    sources = sorted(folder.rglob("*.py"))
    assert sources, f"{folder} has no Python files"
    digest = hashlib.sha256()
    for path in sources:
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def header() -> dict[str, str]:
    """What judged and what was judged, for the first line of a file of results."""
    return {
        "date": date.today().isoformat(),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "runtime": sources_digest(ROOT / "edgeconv" / "runtimes" / "coreml_reference"),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES if name != "torch"},
        "torch": _torch_version() if has_torch() else "",
    }


def _torch_version() -> str:
    command = [sys.executable, "-c", "import torch; print(torch.__version__)"]
    process = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    return process.stdout.strip()


def _git(*words: str) -> str:
    process = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return process.stdout.strip()


def command(dotted: Sequence[str], *options: str) -> list[str]:
    """The pytest call that runs these modules against the runtime; see `environment`."""
    return [
        *(sys.executable, "-m", "pytest", "-q", "-p", "tests.conformance.plugin"),
        *("-p", "no:cacheprovider", "-p", "no:warnings", "-p", "no:randomly"),
        *("-c", os.devnull, "--tb=line"),
        *("--header", json.dumps(header()), *options, "--pyargs", *dotted),
    ]
