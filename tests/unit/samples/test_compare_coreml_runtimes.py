"""The script that measures Core ML against our model of it, with and without Core ML."""

from __future__ import annotations

import importlib.util
import json
import platform
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgeconv.core import InputConvention, Signal
from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner
from tests.conftest import ROOT
from tests.unit.targets.lints.programs import package

pytestmark = pytest.mark.heavy
SCRIPT = ROOT / "samples" / "ci" / "compare_coreml_runtimes.py"
# The embedded recordings have windows of 80 steps of x y z.
SIGNAL = Signal(labels=("still", "walking"), sensor=InputConvention.IOS)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare_coreml_runtimes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one float16 package that takes flat windows."""
    folder = tmp_path_factory.mktemp("bundle")

    def network(mb: Any, x: Any) -> Any:
        weight = np.random.default_rng(0).normal(0, 0.2, (16, 240)).astype(np.float16)
        return mb.tanh(x=mb.linear(x=x, weight=weight, bias=np.zeros(16, np.float16)))

    package(folder / "net_float16.mlpackage", network, shape=(1, 240), signal=SIGNAL)
    return folder


def read(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "coreml-runtimes.json").read_text())
    return found


@pytest.mark.skipif(platform.system() == "Darwin", reason="here Core ML runs")
def test_without_a_mac_the_models_are_compared_and_the_rest_is_not_run(
    script: ModuleType, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main([str(bundle), "--windows", "20", "--out", str(tmp_path)]) == 0
    (found,) = read(tmp_path)["comparisons"]
    assert set(found["not_run"]) == {f"coreml {unit}" for unit in script.UNITS}
    assert all("needs macOS" in reason for reason in found["not_run"].values())
    rows = {(d["observed"], d["model"]): d for d in found["differences"]}
    rounded = rows["coreml-reference as-specified", "coreml-reference float64"]
    plain = rows["coreml-reference float32", "coreml-reference float64"]
    assert plain["max_abs"] < 1e-6 < rounded["max_abs"] < 0.01
    assert rounded["float16_steps"] > plain["float16_steps"]
    text = (tmp_path / "coreml-runtimes.md").read_text()
    assert text.strip() in capsys.readouterr().out
    assert "coreml cpu_and_ne: not run" in text


def test_every_unit_is_compared_with_every_model(
    script: ModuleType, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a Mac, with the framework replaced: on the CPU it rounds as we think, else it does
    not round at all."""
    import coremltools as ct

    monkeypatch.setattr(platform, "system", lambda: "Darwin")

    def predict(model: Any, data: list[dict[str, Any]], state: Any = None) -> list[dict[str, Any]]:
        compute = "as-specified" if model.compute_unit is ct.ComputeUnit.CPU_ONLY else "float32"
        answers = []
        with CoreMLReferenceRunner(Path(model.package_path), compute=compute) as reference:
            for row in data:
                outputs = reference.infer(row)
                scores = map(float, outputs["probabilities"].reshape(-1))
                pairs = zip(reference.labels, scores, strict=True)
                answers.append({"probabilities": dict(pairs), "label": str(outputs["label"])})
        return answers

    monkeypatch.setattr(ct.models.MLModel, "predict", predict)
    assert script.main([str(bundle), "--windows", "8", "--out", str(tmp_path)]) == 0
    (found,) = read(tmp_path)["comparisons"]
    assert found["not_run"] == {}
    rows = {(d["observed"], d["model"]): d for d in found["differences"]}
    assert len(rows) == len(script.UNITS) * len(script.MODELS) + 2
    on_cpu = rows["coreml cpu_only", "coreml-reference as-specified"]
    assert on_cpu["identical"] == 1
    assert on_cpu["max_abs"] == 0
    elsewhere = rows["coreml cpu_and_ne", "coreml-reference as-specified"]
    assert elsewhere["identical"] < 1
    assert rows["coreml cpu_and_ne", "coreml-reference float32"]["max_abs"] < 1e-6


def test_windows_are_spread_evenly(script: ModuleType) -> None:
    numbers = np.arange(100, dtype=np.float32)[:, None]
    assert script.spread(numbers, 3).ravel().tolist() == [0, 50, 99]
    assert len(script.spread(numbers, 1000)) == 100


def test_the_workflow_is_what_the_readme_says() -> None:
    workflow = (SCRIPT.parent / "coreml-on-macos.yml").read_text()
    for line in workflow.splitlines():
        if "uses:" in line and "uses: ./.edgeconv" not in line:
            commit = line.partition("@")[2].partition(" ")[0]
            assert len(commit) == 40, f"not pinned by commit: {line}"
    assert "coreml\n            coreml-reference\n" in workflow
    assert "samples/ci/compare_coreml_runtimes.py" in workflow
