"""A new target is one file and one line in the table; nothing else has to be touched.

The file is `tests/unit/targets/toy_target.py`; the line is `LINE` below.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest

from edgeconv.core import Artifact, Signal, Variant
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.parity.gates import resolve_gates
from edgeconv.parity.golden.vectors import tolerance_of
from edgeconv.recipes import check_variant, make_variants
from edgeconv.runtimes import unavailable
from edgeconv.targets import base, files, limits
from edgeconv.workflows.inspect import inspect_file
from tests.unit.conversions import export_all
from tests.unit.small_models import save, signal, windows

__all__ = ["save", "signal", "windows"]

LINE = ("toy", "tests.unit.targets.toy_target:TARGET")

_HELP = f"""
import sys
from edgeconv.targets import base
base.TARGETS[{LINE[0]!r}] = {LINE[1]!r}
sys.argv = ["edgeconv", "export", "--help"]
from edgeconv.cli import main
main()
"""


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(base.TARGETS, *LINE)


@pytest.fixture
def artifact(tmp_path: Path, save: Callable[..., Path], signal: Signal, windows: Any) -> Artifact:
    """A small network, exported by the ordinary way."""
    from keras import layers

    model = save(
        layers.Reshape((24, 3), name="steps"),
        layers.Conv1D(4, 3, name="conv"),
        layers.GlobalAveragePooling1D(name="mean"),
        layers.Dense(3, activation="softmax", name="probabilities"),
    )
    (variant,) = make_variants(["plaything"])
    (made,) = export_all(
        model, signal, [variant], tmp_path / "o", "tiny", None, windows[:8], isolated=False
    )
    return made


def test_a_toy_target_is_chosen_like_any_other() -> None:
    assert base.parse_target("plaything") == "toy"
    assert ".toy" in base.suffixes()
    assert {v.target for v in make_variants()} == set(base.TARGETS)
    with pytest.raises(UsageError, match=r"choose one of: .*toy.*plaything"):
        base.parse_target("doll")


@pytest.mark.heavy
def test_a_toy_target_is_exported_and_read_back(artifact: Artifact, signal: Signal) -> None:
    assert artifact.name == "tiny_float32.toy"
    assert (artifact.target, artifact.scheme) == ("toy", "float32")
    assert artifact.export.checks is not None
    assert artifact.export.checks.agreement.status == "not_run"  # a runner is another file
    described = files.describe(artifact.path)
    assert described.signal == artifact.signal == signal.for_sensor(artifact.signal.sensor)
    assert described.sha256 == artifact.sha256
    assert described.inputs == artifact.inputs
    assert [prod(t.shape) for t in described.inputs] == [signal.flat_size]


@pytest.mark.heavy
def test_a_toy_target_is_inspected(artifact: Artifact) -> None:
    found = inspect_file(artifact.path)
    assert (found.target, found.scheme, found.ops) == ("toy", "float32", {"KERNEL": 2})
    assert sum(found.parts.values()) == found.bytes
    assert found.lints == ()
    artifact.path.write_text(artifact.path.read_text()[:50])
    with pytest.raises(BadInput, match="damaged"):
        files.describe(artifact.path)


@pytest.mark.heavy
def test_a_toy_target_has_its_gates_and_tolerance(artifact: Artifact) -> None:
    assert resolve_gates(artifact.target, artifact.scheme, {}) == limits.FLOAT32_GATES
    assert tolerance_of(artifact) == (limits.SUMS.value, limits.SUMS.derivation)


def test_a_toy_file_without_a_runtime_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no runtime for the ending '\.toy'"):
        unavailable(tmp_path / "tiny.toy")


def test_a_toy_target_is_listed_in_help() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HELP], capture_output=True, text=True, check=True, timeout=120
    )
    words = " ".join(done.stdout.split())
    assert "toy (also plaything)" in words
    assert "toy float32" in words


def test_a_toy_variant_is_checked_by_its_record() -> None:
    (variant,) = make_variants(["toy"])
    assert variant == Variant("toy", "float32", variant.sensor)
    with pytest.raises(Unsupported, match="'int8' does not exist for toy, only for tflite"):
        make_variants(["toy"], ["int8"])
    check_variant(variant)
