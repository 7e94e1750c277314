"""Times `.tflite` files on a phone with Google's `benchmark_model`.

A phone connected through `adb`: its properties, copies to and from it, commands on it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from edgeconv.core import (
    Artifact,
    MachineInfo,
    OpProfile,
    ProfileResult,
    Status,
)
from edgeconv.errors import BadInput, MissingDependency, UsageError
from edgeconv.profiling.benchmark_tools import NodeTime, Timing, parse_nodes, parse_timing
from edgeconv.profiling.statistics import median_interval, summary

_SECONDS = 600
_PROPERTIES = {
    "manufacturer": "ro.product.manufacturer",
    "model": "ro.product.model",
    "android": "ro.build.version.release",
    "processor": "ro.soc.model",
    "architecture": "ro.product.cpu.abi",
}
_STATES = {
    "unauthorized": "it has not allowed this computer: unlock it and accept the dialogue",
    "offline": "it does not respond: plug it in again, or run adb kill-server",
}


class Adb:
    """One device.

    Args:
        serial: as `adb devices` lists it; empty for the only connected device.

    Raises:
        MissingDependency: `adb` is not installed.
        UsageError: no such device, or several and no serial.
        BadInput: the device is connected, but not usable.
    """

    def __init__(self, serial: str = "") -> None:
        self._adb = _find()
        self.serial = self._choose(serial)

    def describe(self) -> dict[str, str]:
        """Make, model, Android version, processor and architecture, if the device reports them."""
        properties = {k: self.shell(["getprop", p]).strip() for k, p in _PROPERTIES.items()}
        known = {k: v for k, v in properties.items() if v}
        return {**known, "system": f"Android {known.get('android', '')}".strip()}

    def shell(self, command: list[str]) -> str:
        """The output of a command on the device, errors included.

        Raises:
            BadInput: it failed; the message has its last line of output.
        """
        process = self._run("shell", shlex.join(command))
        if process.returncode:
            last = (process.stdout.strip().splitlines() or ["no message"])[-1]
            raise BadInput(
                f"{command[0]} failed on {self.serial} with exit code {process.returncode}: {last}",
                "run it by hand: adb shell " + shlex.join(command),
            )
        return process.stdout

    def has(self, path: str) -> bool:
        """Whether an executable file exists on the device."""
        return self._run("shell", f"test -x {shlex.quote(path)}").returncode == 0

    def push(self, local: Path, remote: str) -> None:
        """Raises BadInput if adb cannot copy."""
        self._copy("push", str(local), remote)

    def pull(self, remote: str, local: Path) -> None:
        """Raises BadInput if adb cannot copy."""
        self._copy("pull", remote, str(local))

    def _copy(self, verb: str, source: str, target: str) -> None:
        process = self._run(verb, source, target)
        if process.returncode:
            last = (process.stdout.strip().splitlines() or ["no message"])[-1]
            hint = "check the free space on the device" if verb == "push" else ""
            raise BadInput(f"adb {verb} {source}: {last}", hint)

    def _choose(self, serial: str) -> str:
        listed = dict(_devices(self._call("devices").stdout))
        if serial and serial not in listed:
            raise UsageError(
                f"adb sees no device '{serial}'", f"it sees: {', '.join(listed) or 'none'}"
            )
        if not listed:
            raise UsageError("adb sees no device", "plug a phone in and allow USB debugging on it")
        if not serial and len(listed) > 1:
            raise UsageError(
                f"adb sees {len(listed)} devices",
                f"name one: --device adb:SERIAL with {' or '.join(listed)}",
            )
        chosen = serial or next(iter(listed))
        if listed[chosen] != "device":
            state = listed[chosen]
            raise BadInput(
                f"{chosen} is {state}",
                _STATES.get(state, "plug it in again until adb devices lists it as 'device'"),
            )
        return chosen

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._call("-s", self.serial, *arguments)

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self._adb, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError) as error:
            raise BadInput(
                f"adb {arguments[0]} failed: {error}",
                "plug the phone in again, or run adb kill-server",
            ) from error


def _find() -> str:
    """The program `adb`: on the path, or in the Android SDK."""
    home = os.environ.get("ANDROID_HOME", "")
    in_sdk = shutil.which("adb", path=str(Path(home) / "platform-tools")) if home else None
    program = shutil.which("adb") or in_sdk
    if program is None:
        raise MissingDependency(
            "the program 'adb' is not installed",
            "install Android's platform-tools (Debian: apt install adb)",
        )
    return program


def _devices(text: str) -> list[tuple[str, str]]:
    """(serial, state) from `adb devices`, whose first line is a heading."""
    rows = [line.split("\t") for line in text.splitlines() if "\t" in line]
    return [(row[0].strip(), row[1].strip()) for row in rows]


BINARY = "/data/local/tmp/benchmark_model"
FOLDER = "/data/local/tmp/edgeconv"
ROUNDS = 9  # processes of the tool for each file, interleaved; each gives one median
_GET = (
    "get benchmark_model for the phone's architecture (LiteRT's documentation, 'Performance "
    "measurement', links it) and pass it as --benchmark-binary FILE"
)


@dataclass(frozen=True)
class PhoneTask:
    """One file to measure on the phone.

    Attributes:
        facts: `parameters`, `macs`, `peak_tensor_bytes`.
        input_name: name of the only input in the file.
        golden: bytes of the input for each golden vector, and a function that evaluates
            the output's bytes and returns the entries for `details`.
    """

    artifact: Artifact
    facts: Mapping[str, int | None] = field(default_factory=dict)
    input_name: str = ""
    input_shape: tuple[int, ...] = ()
    golden: tuple[bytes, ...] = ()
    evaluate_golden: Callable[[Sequence[bytes]], dict[str, Any]] | None = None


class Phone:
    """A device with `benchmark_model` on it.

    Args:
        binary: path of the tool on the device, or of a local file, which is copied there.

    Raises:
        MissingDependency: adb is not installed, or benchmark_model is not on the device.
        UsageError, BadInput: as `Adb`.
    """

    def __init__(self, serial: str = "", binary: str = BINARY) -> None:
        self._adb = Adb(serial)
        self._binary = binary
        if Path(binary).is_file():
            self._binary = BINARY
            self._adb.push(Path(binary), BINARY)
            self._adb.shell(["chmod", "755", BINARY])
        elif not self._adb.has(binary):
            raise MissingDependency(f"{self._adb.serial} has no {binary}", _GET)
        about = self._adb.describe()
        self.machine = MachineInfo.from_json(about)
        names = filter(None, (about.get("manufacturer"), about.get("model")))
        self.name = f"{' '.join(names) or 'Android'} ({self._adb.serial})"

    def profile(
        self, tasks: Sequence[PhoneTask], runs: int, warmup: int, threads: int, xnnpack: bool
    ) -> list[ProfileResult]:
        """Push the files, time them interleaved, run operations and golden vectors, remove them.

        Raises:
            BadInput: a copy or a run fails.
        """
        flags = [
            f"--num_threads={threads}",
            f"--use_xnnpack={str(xnnpack).lower()}",
        ]
        timed = [
            f"--num_runs={max(1, runs // ROUNDS)}",
            f"--warmup_runs={max(1, warmup)}",
            *("--min_secs=0", "--warmup_min_secs=0"),
        ]
        self._adb.shell(["mkdir", "-p", FOLDER])
        try:
            for task in tasks:
                self._adb.push(task.artifact.path, _remote(task))
            timings_by_task: list[list[Timing]] = [[] for _ in tasks]
            for _ in range(ROUNDS):
                for timings, task in zip(timings_by_task, tasks, strict=True):
                    timings.append(parse_timing(self._start(task, [*flags, *timed])))
            return [
                self._result(task, timings, threads, warmup, self._nodes(task, flags), flags)
                for task, timings in zip(tasks, timings_by_task, strict=True)
            ]
        finally:
            self._adb.shell(["rm", "-rf", FOLDER])

    def _start(self, task: PhoneTask, flags: Sequence[str]) -> str:
        return self._adb.shell([self._binary, f"--graph={_remote(task)}", *flags])

    def _nodes(self, task: PhoneTask, flags: Sequence[str]) -> tuple[NodeTime, ...]:
        """A separate run, because profiling each operation slows it down."""
        return parse_nodes(self._start(task, [*flags, "--enable_op_profiling=true"]))

    def _golden(self, task: PhoneTask, flags: Sequence[str]) -> dict[str, Any]:
        """Run each golden vector in a process of the tool, pull the outputs and evaluate them."""
        if task.evaluate_golden is None:
            return {}
        outputs = []
        shape = ",".join(map(str, task.input_shape))
        values = f"{task.input_name.replace(':', '::')}:{FOLDER}/input.bin"
        flags_of_vector = [
            *("--num_runs=1", "--warmup_runs=0", "--min_secs=0", "--warmup_min_secs=0"),
            f"--input_layer={task.input_name}",
            f"--input_layer_shape={shape}",
            f"--input_layer_value_files={values}",
            f"--output_filepath={FOLDER}/output.bin",
        ]
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "values.bin"
            for data in task.golden:
                local.write_bytes(data)
                self._adb.push(local, f"{FOLDER}/input.bin")
                self._start(task, [*flags, *flags_of_vector])
                self._adb.pull(f"{FOLDER}/output.bin", local)
                outputs.append(local.read_bytes())
        return {"golden": task.evaluate_golden(outputs)}

    def _result(
        self,
        task: PhoneTask,
        timings: Sequence[Timing],
        threads: int,
        warmup: int,
        nodes: Sequence[NodeTime],
        flags: Sequence[str],
    ) -> ProfileResult:
        result = result_of(task, timings, self.name, self.machine)
        return replace(
            result,
            threads=threads,
            warmup=max(1, warmup),
            kernels=timings[0].delegate or "built-in",
            ops=tuple(_row(i, node) for i, node in enumerate(nodes)),
            ops_method="benchmark_model --enable_op_profiling, in a separate run" if nodes else "",
            details={**result.details, **self._golden(task, flags)},
        )


def result_of(
    task: PhoneTask, timings: Sequence[Timing], device: str, machine: MachineInfo
) -> ProfileResult:
    """The result of a file from the timings of its runs on a device.

    `samples_us` are the medians of the runs: the tool does not keep single inferences.
    """
    artifact, medians = task.artifact, tuple(t.p50_us for t in timings)
    memory = [t.memory_mb for t in timings if t.memory_mb]
    return ProfileResult(
        artifact=artifact.name,
        sha256=artifact.sha256,
        scheme=artifact.scheme,
        target=str(artifact.target),
        runtime="benchmark_model",
        kernels=timings[0].delegate or "built-in",
        status=Status.PASSED,
        bytes=artifact.bytes,
        latency_us=summary(medians),
        samples_us=medians,
        rounds=(1,) * len(medians),
        interval_us=median_interval([[m] for m in medians]),
        load_us=median(t.init_us for t in timings),
        first_us=median(t.first_us for t in timings),
        parameters=task.facts.get("parameters"),
        macs=task.facts.get("macs"),
        peak_tensor_bytes=task.facts.get("peak_tensor_bytes"),
        memory={"footprint": int(max(m[1] for m in memory) * 2**20)} if memory else {},
        device=device,
        machine=machine,
        details={"runs": [t.statistics for t in timings]},
    )


def imported(path: Path, text: str, task: PhoneTask, device: str) -> ProfileResult:
    """Read a saved log of `benchmark_model` as a result of `device`.

    Raises:
        BadInput: the log contains no result; the message names `path`.
    """
    try:
        timing = parse_timing(text)
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}", "give the tool's whole output") from error
    result = result_of(task, [timing], device, MachineInfo(other={"model": device}))
    nodes = tuple(_row(i, node) for i, node in enumerate(parse_nodes(text)))
    return replace(result, ops=nodes, ops_method="benchmark_model's own table" if nodes else "")


def _remote(task: PhoneTask) -> str:
    return f"{FOLDER}/{task.artifact.name}"


def _row(number: int, node: NodeTime) -> OpProfile:
    """A row without cost and bytes: a delegate's operations are not the file's."""
    return OpProfile(number, node.kind, node.name, macs=0, bytes=0, us=node.us)
