"""Whole exports: bytes, contracts, errors."""

from __future__ import annotations

import contextlib
import signal as signal_numbers
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgeconv.core import Artifact, FileChecks, InputConvention, NullProgress, Signal, Variant
from edgeconv.core.paths import sha256
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.ir import keras_file
from edgeconv.targets import files
from edgeconv.targets.conversion import LeaveOut
from edgeconv.targets.conversion.job import Job, Task
from edgeconv.targets.conversion.planning import file_name, file_names
from edgeconv.targets.conversion.process import Crashed, run_in_worker
from edgeconv.targets.conversion.session import _Session
from edgeconv.targets.coreml import package
from tests.unit.conversions import Notes, export, export_all

TFLITE, COREML = "tflite", "coreml"
FLOAT = Variant(TFLITE, "float32", InputConvention.ANDROID)
Save = Callable[..., Path]


def stack() -> list[Any]:
    """The reference network's kinds of layers, small."""
    from keras import layers

    return [
        layers.Reshape((24, 3), name="steps"),
        layers.Conv1D(16, 5, activation="relu", name="conv1"),
        layers.BatchNormalization(name="norm"),
        layers.MaxPooling1D(2, name="pool"),
        layers.Conv1D(24, 3, name="conv2"),
        layers.BatchNormalization(name="norm2"),
        layers.ReLU(name="relu2"),
        layers.GlobalAveragePooling1D(name="mean"),
        layers.Dropout(0.5, name="drop"),
        layers.Dense(3, activation="softmax", name="probabilities"),
    ]


VARIANTS = [
    FLOAT,
    Variant(TFLITE, "int8", InputConvention.ANDROID),
    Variant(TFLITE, "int8", InputConvention.ANDROID, io="int8"),
    Variant(TFLITE, "float16", InputConvention.IOS),
    Variant(COREML, "float16", InputConvention.IOS),
    Variant(COREML, "float32", InputConvention.ANDROID, deployment_target="iOS18"),
]

_OTHER_PROCESS = """
import sys, numpy as np
from pathlib import Path
from tests.unit.conversions import export_all
from edgeconv.ir.keras_file import read_contract
from edgeconv.core import InputConvention, Variant
model, out, windows = map(Path, sys.argv[1:4])
x = np.load(windows)
variants = [eval(v) for v in sys.argv[4:]]
export_all(model, read_contract(model), variants, out, "tiny", x, x[:4])
"""


def checks(artifact: Artifact) -> FileChecks:
    assert artifact.export.checks is not None
    return artifact.export.checks


@pytest.mark.heavy
def test_every_variant_agrees_and_is_the_same_in_another_process(
    tmp_path: Path, save: Save, signal: Signal, windows: Any, run: Any
) -> None:
    model = save(*stack())
    keras_file.write_contract(model, signal)
    made = export_all(model, signal, VARIANTS, tmp_path / "a", "tiny", windows, windows[:16], run)
    assert [a.name for a in made] == [
        "tiny_float32.tflite",
        "tiny_int8.tflite",
        "tiny_int8_io8.tflite",
        "tiny_float16_ios.tflite",
        "tiny_float16.mlpackage",
        "tiny_float32_android.mlpackage",
    ]
    for found, variant in zip(made, VARIANTS, strict=True):
        status = checks(found).agreement.status
        assert status == ("passed" if found.target is TFLITE else "not_run")
        assert checks(found).interpreter_max_abs < 1e-5
        assert found.signal == signal.for_sensor(variant.sensor)
        assert files.describe(found.path).signal == found.signal
        assert files.read_labels(found.path) == signal.labels
        assert [t.name for t in found.inputs] == ["sensor"]
        assert "Identity" not in [t.name for t in found.outputs]
    assert made[2].inputs[0].dtype == made[2].outputs[0].dtype == "int8"
    # no trace of the normalization after the activation of conv1: it went through the pooling
    kinds = files.read_graph(made[0].path).kinds
    assert not {"MUL", "ADD", "EXPAND_DIMS"} & set(kinds)
    assert kinds.count("RESHAPE") == 1
    assert checks(made[4]).layout_ops == 2
    assert package.read_spec(made[4].path).specificationVersion == 6  # iOS 15
    assert package.read_spec(made[5].path).specificationVersion == 9  # iOS 18
    np.save(tmp_path / "windows.npy", windows)
    script = [sys.executable, "-c", _OTHER_PROCESS, model, tmp_path / "b", tmp_path / "windows.npy"]
    texts = [
        f"Variant('{v.target}', '{v.scheme}', InputConvention('{v.sensor}'), '{v.io}', "
        f"'{v.deployment_target}')"
        for v in VARIANTS
    ]
    subprocess.run([*map(str, script), *texts], check=True, capture_output=True)
    for found in made:
        assert sha256(tmp_path / "b" / found.name) == found.sha256
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "tiny.keras", "windows.npy"]


@pytest.mark.heavy
def test_a_padded_and_permuted_network(
    tmp_path: Path, save: Save, signal: Signal, windows: Any, run: Any
) -> None:
    """Padding, stride, dilation, depthwise, causal, flatten: and the explicit contract."""
    from keras import layers

    notes: list[str] = []

    class Listener(NullProgress):
        def note(self, text: str) -> None:
            notes.append(text)

    model = save(
        layers.Reshape((24, 3), name="steps"),
        layers.Conv1D(8, 5, padding="same", strides=2, activation="relu6", name="c1"),
        layers.SeparableConv1D(8, 3, padding="same", activation="silu", name="sep"),
        layers.DepthwiseConv1D(3, depth_multiplier=2, dilation_rate=2, name="dw"),
        layers.LeakyReLU(negative_slope=0.1, name="leaky"),
        layers.Conv1D(8, 2, padding="causal", dilation_rate=2, name="causal"),
        layers.AveragePooling1D(2, padding="same", name="avg"),
        layers.Flatten(name="flat"),
        layers.Dense(10, activation="tanh", name="hidden"),
        layers.Dense(3, name="logits"),
    )
    variants = [FLOAT, Variant(COREML, "float32", InputConvention.IOS)]
    made = export_all(
        model, signal, variants, tmp_path / "o", "odd", None, windows[:8], run, progress=Listener()
    )
    assert made[0].export.unfolded_layers == ("sensor_contract",)
    assert any("sensor_contract" in note for note in notes)
    assert any("softmax" in note for note in notes)


@pytest.mark.heavy
def test_a_lambda_needs_unsafe_and_then_works(
    tmp_path: Path, save: Save, signal: Signal, windows: Any, run: Any
) -> None:
    import keras

    model = save(
        keras.layers.Reshape((24, 3), name="steps"),
        keras.layers.Lambda(lambda x: x[:, ::2] * 2.0, name="double", output_shape=(12, 3)),
        keras.layers.Conv1D(4, 3, name="c"),
        keras.layers.GlobalMaxPooling1D(name="g"),
        keras.layers.Dense(3, activation="softmax", name="d"),
    )
    call = (model, signal, FLOAT, tmp_path / "o", "l", None, windows[:4], run)
    with pytest.raises(BadInput, match="'double'") as caught:
        export(*call)
    assert "--allow-custom-code" in caught.value.hint
    assert export(*call, unsafe=True).path.is_file()
    lost = eval("lambda x: factor * x", {"factor": 2.0})  # byte code does not keep the factor
    save(keras.layers.Lambda(lost, name="lost", output_shape=(72,)), keras.layers.Dense(3))
    with pytest.raises(Unsupported, match=r"layer 'lost' .* NameError: name 'factor'") as failed:
        export(*call, unsafe=True)
    assert failed.value.exit_code == 4


@pytest.mark.heavy
def test_a_layer_without_a_node_is_converted_or_named(
    tmp_path: Path, save: Save, signal: Signal, windows: Any, run: Any
) -> None:
    """Where a converter cannot, its refusal names the layer, and the other files are kept."""
    from keras import layers

    steps = layers.Reshape((24, 3))
    turned = eval("lambda x: __import__('keras').ops.arctan2(x, x + 2.0)")
    unknown = layers.Lambda(turned, name="turned", output_shape=(24, 3))
    mix = layers.EinsumDense("abc,cd->abd", (24, 2), name="mix")
    model = save(steps, unknown, mix, layers.Flatten(), layers.Dense(3))
    variants = [FLOAT, Variant("coreml", "float32", InputConvention.IOS)]
    call = (model, signal, variants, tmp_path / "o", "m", None, windows[:2], run)
    with pytest.raises(Unsupported, match=r"m_float32.mlpackage: layer 'turned' \(Lambda\)") as no:
        export_all(*call, unsafe=True)
    assert no.value.exit_code == 4
    assert "'mix'" not in no.value.message
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["m_float32.tflite"]


@pytest.mark.heavy
def test_a_crash_names_its_file_and_keeps_the_others(
    tmp_path: Path, save: Save, signal: Signal, windows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site hook makes the worker die by SIGSEGV when it converts the second file."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        "import os, signal, pathlib\n"
        "write = pathlib.Path.write_bytes\n"
        "def crash(self, data):\n"
        "    if self.name == 'm_float16.tflite' and 'worker' in ' '.join(os.sys.orig_argv):\n"
        "        os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    return write(self, data)\n"
        "pathlib.Path.write_bytes = crash\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(hook))
    schemes = ("float32", "float16", "dynamic")
    variants = [Variant(TFLITE, scheme, InputConvention.ANDROID) for scheme in schemes]
    with pytest.raises(Unsupported, match=r"m_float16.tflite: the converter crashed \(SIGSEGV\)"):
        export_all(save(*stack()), signal, variants, tmp_path / "o", "m", None, windows[:4])
    kept = sorted(p.name for p in (tmp_path / "o").iterdir())
    assert kept == ["m_dynamic.tflite", "m_float32.tflite"]


_INTERRUPTED = """
import sys, numpy as np
from pathlib import Path
from tests.unit.conversions import export
from edgeconv.core import InputConvention, Signal, NullProgress, Variant
class Listener(NullProgress):
    def update(self, done, total, note=""):
        print("started", flush=True)
model, out = map(Path, sys.argv[1:])
signal = Signal(window=24, labels=("a", "b", "c"))
variant = Variant("coreml", "float16", InputConvention.IOS)
export(model, signal, variant, out, "m", None, np.ones((2, 72), np.float32), progress=Listener())
"""


@pytest.mark.heavy
def test_ctrl_c_leaves_no_process_and_no_files(tmp_path: Path, save: Save) -> None:
    out = tmp_path / "o"
    parent = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED, str(save(*stack())), str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        (folder,) = tmp_path.glob(".o.*")
        assert len(_processes_with(str(folder))) == 1
        parent.send_signal(signal_numbers.SIGINT)
        parent.communicate(timeout=20)
    assert parent.returncode != 0
    assert _processes_with(str(folder)) == []
    assert not folder.exists()
    assert list(out.iterdir()) == []


def _processes_with(argument: str) -> list[str]:
    """Process numbers whose command line names `argument`."""
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("needs /proc to see the processes")
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if argument.encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
    return found


_FULL = """
import resource, sys, numpy as np
from pathlib import Path
from edgeconv.errors import BadInput
from tests.unit.conversions import export
from edgeconv.core import InputConvention, Signal, Variant
model, out = map(Path, sys.argv[1:])
signal = Signal(window=24, labels=("a", "b", "c"))
variant = Variant("tflite", "float32", InputConvention.ANDROID)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
try:
    export(model, signal, variant, out, "m", None, np.ones((2, 72), np.float32))
except BadInput as error:
    print(error.message)
"""


@pytest.mark.heavy
def test_a_disk_that_fills_up_is_bad_input(tmp_path: Path, save: Save) -> None:
    """A limit on file size stands in for the disk: the same failing write, another errno."""
    out = tmp_path / "o"
    script = [sys.executable, "-c", _FULL, str(save(*stack())), str(out)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write to {out}: File too large")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["o", "tiny.keras"]


def test_a_worker_that_cannot_start_is_a_crash(tmp_path: Path, signal: Signal) -> None:
    job = Job(tmp_path / "none.keras", tmp_path, (Task(0, FLOAT, "x.tflite"),), signal)
    # no probe windows were written: the worker reports it as what it is
    with pytest.raises(OSError, match=r"probe\.npz"):
        list(run_in_worker(job))
    (tmp_path / "probe.npz").write_bytes(b"no array")
    with pytest.raises(Crashed, match="the converter failed") as caught:
        list(run_in_worker(job))
    assert caught.value.task is None


def test_calls_that_cannot_work(tmp_path: Path, signal: Signal, windows: Any) -> None:
    model = tmp_path / "none.keras"

    def attempt(*variants: Variant, out: Path = tmp_path / "o", probe: Any = windows) -> None:
        export_all(model, signal, variants, out, "m", None, probe)

    with pytest.raises(UsageError, match="needs calibration"):
        attempt(Variant(TFLITE, "int8", InputConvention.ANDROID))
    with pytest.raises(Unsupported, match="scheme 'int3'"):
        attempt(Variant(COREML, "int3", InputConvention.IOS))
    with pytest.raises(Unsupported, match="deployment target 'iOS14'"):
        attempt(Variant(COREML, "float16", InputConvention.IOS, deployment_target="iOS14"))
    with pytest.raises(UsageError, match="probe window"):
        attempt(FLOAT, probe=windows[:0])
    with pytest.raises(UsageError, match=r"both be called m_float32\.tflite"):
        attempt(FLOAT, FLOAT)
    with pytest.raises(BadInput, match="no such model"):
        attempt(FLOAT)
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "empty.keras").touch()
    with pytest.raises(BadInput, match="empty"):
        export(tmp_path / "empty.keras", signal, FLOAT, tmp_path / "o", "m", None, windows)


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, signal: Signal, windows: Any
) -> None:
    import json
    import zipfile

    model = tmp_path / "m.keras"
    with zipfile.ZipFile(model, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential"}))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match=r"cannot write to .*file"):
        export(model, signal, FLOAT, tmp_path / "file" / "o", "m", None, windows)


def test_names_never_collide() -> None:
    names = file_names("har", VARIANTS)
    assert len(set(names)) == len(names)
    assert (
        file_name("har", Variant(TFLITE, "int8", InputConvention.ANDROID, "int8"))
        == "har_int8_io8.tflite"
    )


BOTH = [Variant(t, "int8", InputConvention.NORMALIZED) for t in ("tflite", "onnx")]


@pytest.mark.parametrize(
    ("failed", "leave_out", "missing"),
    [
        ({1}, LeaveOut.NOTHING, False),
        ({1}, LeaveOut.SCHEMES_OF_OTHERS, True),
        ({0, 1}, LeaveOut.SCHEMES_OF_OTHERS, False),  # int8 was asked for, and no file has it
        ({0, 1}, LeaveOut.ANYTHING, True),
        ({0, 1, 2}, LeaveOut.ANYTHING, False),
    ],
)
def test_which_files_may_be_missing(failed: set[int], leave_out: LeaveOut, missing: bool) -> None:
    tasks = tuple(Task(i, v, f"{i}.file") for i, v in enumerate([*BOTH, FLOAT]))
    request: Any = SimpleNamespace(leave_out=leave_out)
    done: Any = dict.fromkeys({0, 1, 2} - failed)
    notes = Notes()
    session = _Session(Job(Path(), Path(), tasks), request, notes, done)
    session.failed = {i: Unsupported(f"{i}.file: refused") for i in failed}
    if missing:
        session._raise_failures()
        assert notes.lines == [f"{i}.file left out: refused" for i in sorted(failed)]
    else:
        with pytest.raises(Unsupported, match="refused"):
            session._raise_failures()
