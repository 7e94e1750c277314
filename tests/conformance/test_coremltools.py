"""A seeded sample of coremltools' own operation tests, with `predict` served by the runtime."""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
TESTS = "coremltools.converters.mil.mil.ops.tests."
MODULES = (
    *(f"iOS14.test_{n}" for n in ("activation", "control_flow", "conv", "elementwise_binary")),
    *(f"iOS14.test_{n}" for n in ("elementwise_unary", "image_resizing", "linear", "pool")),
    *(f"iOS14.test_{n}" for n in ("normalization", "random", "recurrent", "reduction")),
    *(f"iOS14.test_{n}" for n in ("scatter_gather", "tensor_operation", "tensor_transformation")),
    *("iOS15", "iOS16", "iOS17.test_image_resizing", "iOS17.test_scatter_gather"),
    *("iOS17.test_tensor_operation", "iOS17.test_tensor_transformation"),
    *("iOS18.test_compression", "iOS18.test_states", "iOS18.test_tensor_transformation"),
)
NEED_TORCH = ("iOS17.test_quantization", "iOS18.test_recurrent", "iOS18.test_transformers")
"""Modules that cannot even be imported without PyTorch, which the project does not install."""


def run(results: Path, per_function: int, modules: tuple[str, ...]) -> list[dict[str, Any]]:
    """What happened in each chosen test; they run in a process of their own."""
    command = [sys.executable, "-m", "pytest", "-p", "coreml_reference_plugin", "-q"]
    command += ["-p", "no:cacheprovider", "-p", "no:warnings", "-c", os.devnull]
    command += ["--per-function", str(per_function), "--results", str(results), "--pyargs"]
    command += [TESTS + module for module in modules]
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    subprocess.run(command, env=environment, capture_output=True, timeout=1500, check=False)
    rows: list[dict[str, Any]] = json.loads(results.read_text())
    return rows


@pytest.mark.heavy
def test_a_sample_agrees_with_coremltools(tmp_path: Path) -> None:
    torch = NEED_TORCH if importlib.util.find_spec("torch") else ()
    rows = run(tmp_path / "results.json", 1, (*MODULES, *torch))
    excluded = runpy.run_path(str(HERE / "exclusions.py"))["excluded"]
    judged = [row for row in rows if row["predictions"]]
    failed = [row for row in judged if row["outcome"] == "failed"]
    wrong = [row for row in failed if not excluded(row["test"], row["largest_difference"])]
    assert wrong == []
    assert sum(row["outcome"] == "passed" for row in judged) >= 150  # far fewer: nothing was judged
