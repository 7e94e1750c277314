"""Fixtures that every room shares."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has what it runs in the background ignore Ctrl-C; some tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent

if (ROOT / "build" / "litertjs" / "node_modules").is_dir():  # made by `make litertjs`
    os.environ.setdefault("EDGECONV_LITERTJS", str(ROOT / "build" / "litertjs"))


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the real recordings, which lies beside the checkout and is never committed."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real recordings are not here: no folder {folder}")
    return folder
