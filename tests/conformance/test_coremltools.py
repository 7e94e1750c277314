"""A seeded sample of coremltools' own tests on the runtime, and what that sample would notice."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from edgeconv.runtime.mil.ops import OPS

from .exclusions import excluded
from .record import Results, Row
from .suites import ROOT, command, environment, has_torch, modules

PER_FUNCTION = 6  # cases of each test function
OWN = tuple(
    f"tests/{path}.py"
    for path in (
        "unit/runtime/mil/test_ops",
        "unit/runtime/mil/test_exact",
        "conformance/test_value_inference",
    )
)
"""Tests of ours that judge operations by values, and so may notice a broken one."""


class Sample(NamedTuple):
    rows: list[Row]
    broken: Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The sample and our own tests, then every operation broken; in a process of their own."""
    folder = tmp_path_factory.mktemp("conformance")
    chosen = [module.dotted for module in modules(["operations"])]
    options = ["--results", str(folder / "rows.jsonl"), "--break", str(folder / "broken.json")]
    options += ["--per-function", str(PER_FUNCTION), "--rootdir", str(ROOT)]
    options += ["--import-mode", "importlib", "--continue-on-collection-errors"]
    words = [*command(chosen, *options), *(str(ROOT / path) for path in OWN)]
    done = subprocess.run(
        words, env=environment(), cwd=folder, capture_output=True, text=True, timeout=1500
    )
    results = Results.read(folder / "rows.jsonl")
    assert results is not None, done.stdout[-2000:] + done.stderr[-2000:]
    assert results.complete, done.stdout[-2000:] + done.stderr[-2000:]
    return Sample(results.rows, json.loads((folder / "broken.json").read_text()))


@pytest.mark.heavy
def test_a_sample_agrees_with_coremltools(sample: Sample) -> None:
    judged = [row for row in sample.rows if row.predictions]
    failed = [row for row in judged if row.outcome == "failed"]
    wrong = [(row.test, row.reason) for row in failed if not excluded(row.test, row.largest)]
    assert wrong == []
    # Far fewer than these, and nothing would have been judged.
    assert sum(row.outcome == "passed" for row in judged) >= (900 if has_torch() else 600)


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
