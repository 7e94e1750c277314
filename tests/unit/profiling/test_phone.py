"""A phone behind a stand-in `adb` that replays transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from edgeconv.core import Artifact, ProfileResult, Signal, Status
from edgeconv.errors import BadInput, EdgeconvError, MissingDependency, UsageError
from edgeconv.profiling.comparison import mismatch
from edgeconv.profiling.phone import BINARY, FOLDER, ROUNDS, Adb, Phone, PhoneTask, imported

from .fake_adb import PIXEL, TRANSCRIPTS, FakeAdb
from .samples import result


@pytest.fixture
def adb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAdb:
    return FakeAdb(tmp_path, monkeypatch)


def task(folder: Path, **more: Any) -> PhoneTask:
    path = folder / "har_int8.tflite"
    path.write_bytes(b"TFL3")
    made = Artifact(
        path=path,
        sha256="b" * 64,
        bytes=4,
        target="tflite",
        scheme="int8",
        contract=Signal(window=8),
        inputs=(),
        outputs=(),
    )
    return PhoneTask(made, {"parameters": 7, "macs": 21, "peak_tensor_bytes": 96}, **more)


def profiled(folder: Path, **more: Any) -> ProfileResult:
    return Phone().profile([task(folder, **more)], 300, 50, 1, xnnpack=True)[0]


def test_result_carries_the_device(adb: FakeAdb, tmp_path: Path) -> None:
    found = profiled(tmp_path)
    assert found.status is Status.PASSED
    assert found.device == f"Google Pixel 8 ({PIXEL})"
    assert found.machine.processor == "Tensor G3"
    assert found.machine.system == "Android 16"
    assert (found.runtime, found.kernels) == ("benchmark_model", "XNNPACK")
    assert found.latency_us["p50"] == 96.0
    assert found.samples_us == (96.0,) * ROUNDS
    assert (found.load_us, found.first_us) == (4217.0, 412.0)
    assert found.memory["footprint"] == int(3.69531 * 2**20)
    assert len(found.ops) == 6
    assert (found.parameters, found.macs) == (7, 21)
    assert ProfileResult.from_json(found.to_json()) == found


def test_pushed_run_and_removed(adb: FakeAdb, tmp_path: Path) -> None:
    profiled(tmp_path)
    said = [" ".join(words) for words in adb.diary]
    assert said[0] == "devices"
    assert all(words[:2] == ["-s", PIXEL] for words in adb.diary[1:])
    assert any(f"push {tmp_path}/har_int8.tflite {FOLDER}/har_int8.tflite" in line for line in said)
    runs = [line for line in said if BINARY in line and "--graph" in line]
    assert len(runs) == ROUNDS + 1
    assert all("--num_threads=1 --use_xnnpack=true" in line for line in runs)
    assert "--num_runs=33 --warmup_runs=50" in runs[0]
    assert "--enable_op_profiling=true" in runs[-1]
    assert said[-1].endswith(f"shell rm -rf {FOLDER}")


def test_golden_vectors_are_run_and_pulled(adb: FakeAdb, tmp_path: Path) -> None:
    adb.set({"outputs": ["0102", "0304"]})
    seen: list[Sequence[bytes]] = []

    def judge(outputs: Sequence[bytes]) -> dict[str, Any]:
        seen.append(outputs)
        return {"status": "passed"}

    found = profiled(
        tmp_path,
        input_name="sensor:0",
        input_shape=(1, 24),
        golden=(b"a", b"b"),
        evaluate_golden=judge,
    )
    assert seen == [[b"\x01\x02", b"\x03\x04"]]
    assert found.details["golden"] == {"status": "passed"}
    lines = [" ".join(words) for words in adb.diary if "output_filepath" in " ".join(words)]
    assert len(lines) == 2
    assert "--input_layer=sensor:0 --input_layer_shape=1,24" in lines[0]
    assert f"--input_layer_value_files=sensor::0:{FOLDER}/input.bin" in lines[0]


def test_local_tool_is_copied(adb: FakeAdb, tmp_path: Path) -> None:
    tool = tmp_path / "android_aarch64_benchmark_model"
    tool.write_bytes(b"ELF")
    Phone(binary=str(tool))
    said = [" ".join(words) for words in adb.diary]
    assert f"-s {PIXEL} push {tool} {BINARY}" in said
    assert f"-s {PIXEL} shell chmod 755 {BINARY}" in said


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        ({"devices": ""}, UsageError, "sees no device"),
        ({"devices": f"{PIXEL}\tunauthorized\n"}, BadInput, "unlock it and accept"),
        ({"devices": f"{PIXEL}\toffline\n"}, BadInput, "does not respond"),
        (
            {"devices": f"{PIXEL}\tdevice\nemulator-5554\tdevice\n"},
            UsageError,
            f"adb:SERIAL with {PIXEL} or emulator-5554",
        ),
        ({"tool": False}, MissingDependency, "has no /data/local/tmp/benchmark_model"),
        ({"exit": 1, "timing": str(TRANSCRIPTS / "failed.txt")}, BadInput, "Benchmarking failed"),
        ({"timing": str(TRANSCRIPTS / "failed.txt")}, BadInput, "no result"),
    ],
)
def test_what_goes_wrong(
    adb: FakeAdb, tmp_path: Path, state: dict[str, Any], error: type[EdgeconvError], words: str
) -> None:
    adb.set(state)
    with pytest.raises(error) as caught:
        profiled(tmp_path)
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert "\n" not in caught.value.message


def test_failed_run_leaves_nothing_on_the_phone(adb: FakeAdb, tmp_path: Path) -> None:
    adb.set({"exit": 1})
    with pytest.raises(BadInput):
        profiled(tmp_path)
    assert adb.diary[-1][-1] == f"rm -rf {FOLDER}"


def test_named_device(adb: FakeAdb) -> None:
    adb.set({"devices": f"{PIXEL}\tdevice\nemulator-5554\tdevice\n"})
    assert Adb("emulator-5554").serial == "emulator-5554"
    with pytest.raises(UsageError, match="no device 'other'"):
        Adb("other")


def test_no_adb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("ANDROID_HOME", raising=False)
    with pytest.raises(MissingDependency, match="adb"):
        Adb()


def test_adb_of_the_sdk(
    adb: FakeAdb,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path_factory.mktemp("sdk")
    (home / "platform-tools").symlink_to(tmp_path)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("ANDROID_HOME", str(home))
    assert Adb().serial == PIXEL


def test_host_and_phone_never_mix(adb: FakeAdb, tmp_path: Path) -> None:
    assert "device" in mismatch(profiled(tmp_path), result(30.0, 1))


def test_kept_log(tmp_path: Path) -> None:
    log = TRANSCRIPTS / "xnnpack.txt"
    found = imported(log, log.read_text(), task(tmp_path), "Pixel 8")
    assert (found.device, found.latency_us["p50"]) == ("Pixel 8", 96.0)
    with pytest.raises(BadInput, match=r"notes\.txt"):
        imported(Path("notes.txt"), "nothing", task(tmp_path), "Pixel 8")
