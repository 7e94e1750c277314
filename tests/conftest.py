"""Options and fixtures that every folder of tests shares."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tests.nine_channels import build_bundle

# A slow machine is no fault; and CI tests the same examples in each run, other machines new ones.
hypothesis.settings.register_profile(
    "edgeconv", deadline=None, derandomize=bool(os.environ.get("CI"))
)
hypothesis.settings.load_profile("edgeconv")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
if "EDGECONV_CACHE" not in os.environ:
    # One cache a run, which the workers of pytest-xdist inherit, and nothing in the user's own.
    os.environ["EDGECONV_CACHE"] = tempfile.mkdtemp(prefix="edgeconv-tests-")
    atexit.register(shutil.rmtree, os.environ["EDGECONV_CACHE"], ignore_errors=True)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has what it runs in the background ignore Ctrl-C; some tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent

if (ROOT / "build" / "litertjs" / "node_modules").is_dir():  # made by `make litertjs`
    os.environ.setdefault("EDGECONV_LITERTJS", str(ROOT / "build" / "litertjs"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--timing",
        choices=("with", "without", "only"),
        default="with",
        help="tests that measure time: they need the machine to themselves, so not beside others",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    choice = config.getoption("--timing")
    if choice == "with":
        return
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        measures = item.get_closest_marker("timing") is not None
        (chosen if measures is (choice == "only") else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = chosen


def build_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """A folder that is built once for all workers of pytest-xdist, which share it from then on.

    Args:
        build: fills the folder whose path it is given, which does not exist yet.
    """
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    root = factory.getbasetemp().parent if parallel else factory.getbasetemp()
    folder, finished = root / name, root / f"{name}.finished"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            build(folder)
            finished.touch()
    return folder


@pytest.fixture(scope="session")
def nine_channels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of nine channels with a file for every platform; its weights are random."""
    return build_once(tmp_path_factory, "nine-channels", build_bundle)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the real recordings, which lies beside the checkout and is never committed."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real recordings are not here: no folder {folder}")
    return folder
