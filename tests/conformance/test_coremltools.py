"""A seeded sample of coremltools' own tests on the runtime, and what that sample would notice."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from edgeconv.runtimes.coreml_reference.ops import OPS

from .exclusions import excluded
from .record import Results, Row
from .suites import ROOT, command, environment, modules

PER_FUNCTION = 6  # cases of each test function
OWN = tuple(
    f"tests/{path}.py"
    for path in (
        "unit/runtimes/coreml_reference/test_ops",
        "unit/runtimes/coreml_reference/test_exact",
        "conformance/test_value_inference",
    )
)
"""Tests of ours that judge operations by values, and so may notice a broken one."""


class Sample(NamedTuple):
    rows: list[Row]
    broken: Mapping[str, Mapping[str, Any]]


def run(folder: Path, suites: list[str], per_function: int, *more: str) -> list[Row]:
    """A sample of these suites and further tests; in a process of their own."""
    chosen = [module.dotted for module in modules(suites)]
    options = ["--results", str(folder / "rows.jsonl"), "--per-function", str(per_function)]
    options += ["--rootdir", str(ROOT), "--import-mode", "importlib"]
    words = [*command(chosen, *options, "--continue-on-collection-errors"), *more]
    done = subprocess.run(
        words, env=environment(), cwd=folder, capture_output=True, text=True, timeout=3000
    )
    results = Results.read(folder / "rows.jsonl")
    assert results is not None, done.stdout[-2000:] + done.stderr[-2000:]
    assert results.complete, done.stdout[-2000:] + done.stderr[-2000:]
    return results.rows


def unexplained(rows: list[Row]) -> list[tuple[str, str]]:
    """Tests that predicted and failed for no reason in the table of exclusions."""
    failed = [row for row in rows if row.predictions and row.outcome == "failed"]
    return [(row.test, row.reason) for row in failed if not excluded(row.test, row.largest)]


def passed(rows: list[Row]) -> int:
    return sum(row.predictions > 0 and row.outcome == "passed" for row in rows)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The sample of the operations' tests and our own tests, then every operation broken."""
    folder = tmp_path_factory.mktemp("conformance")
    own = [str(ROOT / path) for path in OWN]
    rows = run(folder, ["operations"], PER_FUNCTION, *own, "--break", str(folder / "broken.json"))
    return Sample(rows, json.loads((folder / "broken.json").read_text()))


@pytest.mark.heavy
def test_a_sample_agrees_with_coremltools(sample: Sample) -> None:
    assert unexplained(sample.rows) == []
    assert passed(sample.rows) >= 700  # far fewer, and nothing would have been judged


@pytest.mark.heavy
def test_a_sample_of_the_front_ends_agrees(tmp_path: Path) -> None:
    rows = run(tmp_path, ["passes", "milproto", "tensorflow2", "tensorflow"], 1)
    assert unexplained(rows) == []
    assert passed(rows) >= 150


@pytest.mark.heavy
def test_every_operation_is_in_the_judgement(sample: Sample) -> None:
    assert sample.broken.keys() >= OPS.keys()


@pytest.mark.heavy
def test_breaking_any_operation_is_noticed(sample: Sample) -> None:
    assert [name for name in OPS if sample.broken[name]["judge"] is None] == []


@pytest.mark.heavy
def test_every_mutation_is_noticed(sample: Sample) -> None:
    mutations = sample.broken.keys() - OPS.keys()
    assert len(mutations) >= 30
    assert [name for name in mutations if sample.broken[name]["judge"] is None] == []
