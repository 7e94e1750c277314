"""A bundle's files in the other runtimes, from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edgeconv.runtimes import runtimes_of, unavailable
from tests.end_to_end.conftest import Cli

pytestmark = pytest.mark.heavy
OTHERS = ("tflite-micro", "litertjs")
REFUSED = {
    ("tflite-micro", "har_float16.tflite"): "DEQUANTIZE",
    ("tflite-micro", "har_dynamic.tflite"): "Hybrid models are not supported",
}


@pytest.fixture(params=OTHERS)
def runtime(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    reason = unavailable("any.tflite", name)
    if reason is not None:
        pytest.skip(reason)
    return name


def test_parity_passes_or_says_why_it_did_not_run(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    here = [name for name in OTHERS if unavailable("any.tflite", name) is None]
    if not here:
        pytest.skip(str(unavailable("any.tflite", OTHERS[0])))
    copy = shutil.copytree(bundle, tmp_path / "bundle")
    words = [word for name in here for word in ("--runtime", name)]
    done = cli("parity", copy, "--runtime", "litert", *words, "--json", "-", "--allow-not-run")
    assert done.code == 0, done.err
    found = {(r["runtime"], r["artifact"]): r for r in done.json["parity"]}
    files = {path.name for path in copy.glob("*.tflite")}
    others = {("", path.name) for path in (*copy.glob("*.mlpackage"), *copy.glob("*.aimodel"))}
    assert set(found) == {(name, file) for name in ("litert", *here) for file in files} | others
    for case, result in found.items():
        if case in others:
            assert result["status"] == "not_run"
            able = " or ".join(runtimes_of(copy / result["artifact"]))
            assert f"add --runtime {able}" in result["reason"]
        elif case in REFUSED:
            assert result["status"] == "not_run"
            assert REFUSED[case] in result["reason"]
        else:
            assert result["status"] == "passed"
            assert "golden" in {check["name"] for check in result["checks"]}
    assert all(name in (copy / "parity.json").read_text() for name in here)


def test_evaluate_agrees_with_litert(cli: Cli, bundle: Path, runtime: str) -> None:
    words = ("evaluate", bundle / "har_int8.tflite", "--data", "synthetic", "--json", "-")
    done = cli(*words, "--runtime", runtime)
    assert done.code == 0, done.err
    assert done.json["runtime"] == runtime
    recorded = json.loads((bundle / "manifest.json").read_text())["evaluations"]["har_int8.tflite"]
    assert done.json["accuracy"] == pytest.approx(recorded["accuracy"], abs=0.01)


def test_a_file_that_a_runtime_cannot_run_is_exit_4(cli: Cli, bundle: Path) -> None:
    reason = unavailable("any.tflite", "tflite-micro")
    if reason is not None:
        pytest.skip(reason)
    path = bundle / "har_float16.tflite"
    done = cli("evaluate", path, "--data", "synthetic", "--runtime", "tflite-micro")
    assert done.code == 4
    assert "int8 and float32 files" in done.err
    two = ("compare", bundle / "har_float32.tflite", path, "--data", "synthetic", "--json", "-")
    done = cli(*two, "--runtime", "litert", "--runtime", "tflite-micro")
    assert [r["status"] for r in done.json["parity"]] == ["passed", "not_run"]
    assert done.code == 1


def test_profile_times_it_and_measures_the_arena(cli: Cli, bundle: Path, runtime: str) -> None:
    path = bundle / "har_int8.tflite"
    words = ("profile", path, "--runtime", runtime, "--num-runs", "20", "--json", "-")
    done = cli(*words)
    assert done.code == 0, done.err
    (found,) = done.json["profile"]
    assert (found["status"], found["runtime"]) == ("passed", runtime)
    assert "only LiteRT's operations" in found["ops_method"]
    if unavailable(path, "tflite-micro") is None:
        assert 19_000 < found["memory"]["arena"] < 22_000
    else:
        assert "pip install tflite-micro" in found["memory"]["arena_reason"]
