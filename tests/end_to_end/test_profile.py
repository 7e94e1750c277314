"""The gate on speed, on real files and a real clock; a phone through a stand-in adb."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.bundle import read_bundle
from edgeconv.parity import golden
from tests.unit.profiling.fake_adb import TRANSCRIPTS, FakeAdb

from .conftest import Cli

pytestmark = [pytest.mark.heavy, pytest.mark.timing]
INT8, FLOAT32 = "har_int8.tflite", "har_float32.tflite"


@pytest.fixture
def record(cli: Cli, bundle: Path, tmp_path: Path) -> Path:
    """A profile of the int8 and the float32 file."""
    path = tmp_path / "baseline.json"
    files = (bundle / INT8, bundle / FLOAT32)
    assert cli("profile", *files, "--latency-only", "--num-runs", 200, "--json", path).code == 0
    return path


def outcomes(data: dict[str, Any]) -> dict[str, str]:
    return {entry["artifact"]: entry["baseline"]["change"] for entry in data["profile"]}


def brief(home: Path) -> list[Any]:
    """What the manifest says of the host's timings."""
    manifest = json.loads((home / "manifest.json").read_text())
    return [artifact["profile"] for artifact in manifest["artifacts"]]


def test_a_against_a_is_silent(cli: Cli, bundle: Path, record: Path) -> None:
    """By the numbers of an earlier run, and in turns with the files of the bundle itself."""
    files = (bundle / INT8, bundle / FLOAT32)
    for baseline in (record, bundle):
        outcome = cli(
            *("profile", *files, "--latency-only", "--num-runs", 200),
            *("--baseline", baseline, "--json", "-"),
        )
        assert outcome.code == 0
        assert set(outcomes(outcome.json).values()) <= {"same", "unclear"}


def test_slower_file_fails(cli: Cli, bundle: Path, record: Path, tmp_path: Path) -> None:
    """The float32 file under the name of the int8 one: about four times as slow."""
    worse = tmp_path / "new" / INT8
    worse.parent.mkdir()
    shutil.copy(bundle / FLOAT32, worse)
    for baseline in (record, bundle, bundle / INT8):
        outcome = cli(
            *("profile", worse, "--latency-only", "--num-runs", 200),
            *("--baseline", baseline, "--json", "-"),
        )
        assert outcome.code == 1
        assert outcomes(outcome.json) == {INT8: "slower"}
        assert outcome.json["profile"][0]["baseline"]["low"] > 1.05


def test_slower_machine_or_engine_shows_in_the_numbers(
    cli: Cli, bundle: Path, record: Path
) -> None:
    """The same bytes, recorded three times as fast; so many runs outlast a neighbour's burst, which
    once covered half of a shorter record."""
    many = ("profile", bundle / INT8, "--latency-only", "--num-runs", 2000)
    assert cli(*many, "--json", record).code == 0
    data = json.loads(record.read_text())
    for entry in data["profile"]:
        entry["samples_us"] = [us / 3 for us in entry["samples_us"]]
    record.write_text(json.dumps(data))
    outcome = cli(*many, "--baseline", record, "--json", "-")
    assert outcome.code == 1
    assert outcomes(outcome.json) == {INT8: "slower"}


def test_other_conditions_are_refused(cli: Cli, bundle: Path, record: Path) -> None:
    words = ("profile", bundle / INT8, "--latency-only", "--num-runs", 60, "--baseline", record)
    outcome = cli(*words, "--num-threads", 2)
    assert outcome.code == 1
    assert "threads 1, this is 2" in outcome.out
    assert cli(*words, "--num-threads", 2, "--allow-not-run").code == 0
    data = json.loads(record.read_text())
    for entry in data["profile"]:
        entry["machine"]["processor"] = "another"
    record.write_text(json.dumps(data))
    outcome = cli(*words)
    assert outcome.code == 1
    assert "processor another" in outcome.out


def test_file_that_the_baseline_has_not(cli: Cli, bundle: Path, record: Path) -> None:
    words = ("--latency-only", "--num-runs", 60, "--baseline", record)
    dynamic, int8 = bundle / "har_dynamic.tflite", bundle / INT8
    assert cli("profile", int8, dynamic, *words).code == 0
    outcome = cli("profile", dynamic, *words)
    assert outcome.code == 1
    assert "has no timing of this file" in outcome.out


@pytest.mark.parametrize(
    ("text", "code"), [(None, 3), ("{", 3), ("{}", 3), ("[]", 3), ('[{"artifact": "x"}]', 3)]
)
def test_baseline_that_is_none(
    cli: Cli, bundle: Path, tmp_path: Path, text: str | None, code: int
) -> None:
    path = tmp_path / "x.json"
    if text is not None:
        path.write_text(text)
    outcome = cli("profile", bundle / INT8, "--latency-only", "--baseline", path)
    assert outcome.code == code
    assert len(outcome.err.strip().splitlines()) <= 3
    assert "Traceback" not in outcome.err


def test_options_that_need_another(cli: Cli, bundle: Path) -> None:
    assert cli("profile", bundle / INT8, "--max-slowdown", 0.1).code == 2
    assert cli("profile", bundle / INT8, "--benchmark-binary", "x").code == 2
    assert cli("profile", bundle / INT8, "--device", "toaster").code == 2
    assert cli("profile").code == 2


def test_where_the_time_goes(cli: Cli, bundle: Path) -> None:
    outcome = cli("profile", bundle / INT8, "--num-runs", 60, "--json", "-").json["profile"][0]
    ops = outcome["ops"]
    assert sum(op["macs"] for op in ops) == outcome["macs"]
    assert [op["kind"] for op in ops][:2] == ["QUANTIZE", "RESHAPE"]
    slowest = max(ops, key=lambda op: op["us"])
    assert (slowest["kind"], slowest["macs"]) == ("CONV_2D", 6_200_000)
    total = sum(op["us"] for op in ops)
    assert 0.4 * outcome["latency_us"]["p50"] < total < 2.5 * outcome["latency_us"]["p50"]
    assert outcome["peaks"]["gflops"] > 0
    assert 0 < outcome["memory"]["rss_engine"] <= outcome["memory"]["rss_peak"]
    assert {"arena", "arena_reason"} & set(outcome["memory"])


def test_reference_runtimes_operations(cli: Cli, bundle: Path) -> None:
    outcome = cli(
        *("profile", bundle / "har_float16.mlpackage", "--runtime", "coreml-reference"),
        *("--num-runs", 20, "--warmup-runs", 2, "--json", "-"),
    ).json["profile"][0]
    assert "not a phone's time" in outcome["ops_method"]
    timed = [op for op in outcome["ops"] if op["us"]]
    assert {"conv", "softmax"} <= {op["kind"] for op in timed}


def test_phone_and_import(
    cli: Cli, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone that answers as the int8 file does, then its result in the bundle's report."""
    home = tmp_path / "bundle"
    shutil.copytree(bundle, home)
    expected = golden.read(home).expected[INT8].outputs
    assert expected is not None
    adb = FakeAdb(tmp_path, monkeypatch)
    adb.set({"outputs": [row.astype(np.float32).tobytes().hex() for row in expected]})
    result = tmp_path / "phone.json"
    assert cli("profile", home, "--device", "adb", "--json", result).code == 1  # the others deviate
    entries = json.loads(result.read_text())["profile"]
    golden_of = {e["artifact"]: e["details"].get("golden") for e in entries}
    assert golden_of[INT8]["status"] == "passed"
    assert golden_of[FLOAT32]["status"] == "failed"

    before = brief(home)
    assert cli("profile", "import", result, home).code == 0
    assert brief(home) == before
    page = (home / "report.html").read_text()
    assert "Google Pixel 8" in page
    log = TRANSCRIPTS / "xnnpack.txt"
    assert cli("profile", "import", log, home).code == 2
    assert cli("profile", "import", log, home, "--device", "P5", "--artifact", INT8).code == 0
    assert {r.device for r in read_bundle(home).profile} == {
        *("", "P5", "Google Pixel 8 (31071FDH2008XY)")
    }
    # numbers of the phone say nothing of the host
    assert cli("profile", home / INT8, "--latency-only", "--baseline", result).code == 1


def test_import_of_other_bytes(cli: Cli, bundle: Path, record: Path) -> None:
    record.write_text(record.read_text().replace('"sha256": "', '"sha256": "0'))
    outcome = cli("profile", "import", record, bundle)
    assert outcome.code == 3
    assert "the bytes of" in outcome.err
