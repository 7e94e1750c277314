"""The table: each sabotage, the gate that was made for it, and what a person is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.core.metadata import CONTRACT_KEY
from edgeconv.targets.coreml.package import model_file

from . import tampering as t
from .seal import Seal

FLOAT, INT8, CORE = "har_float32.tflite", "har_int8.tflite", "har_float16.mlpackage"
ONNX = "har_float32.onnx"
ASSET = "har_int8.aimodel"
COMPRESSION = "prune2of4-cluster16"
RETRAINED = f"har_{COMPRESSION}_int8.tflite"
READING = "reading the bundle"  # refused before anything runs
OPENING = "opening the file"  # refused by what would run it
OFF = r"largest error in window \d+: '\w+' is \S+ instead of \S+"


@dataclass(frozen=True)
class Sabotage:
    """One row.

    Attributes:
        how: breaks a copy of the bundle, given its folder.
        gate: the check that must fail, or READING or OPENING.
        message: regular expression of what is said.
        artifact: the file that must be refused.
        limits: gates beyond the defaults, as `--gate` sets them.
        whole: takes the windows of all test people, as what the bundle records does.
        embedding: breaks a bundle whose files give an embedding too.
    """

    name: str
    how: Callable[[Path], None]
    gate: str
    message: str
    artifact: str = FLOAT
    seal: Seal = Seal.ALL
    limits: Mapping[str, float] = field(default_factory=dict)
    whole: bool = False
    embedding: bool = False


def weights(layer: str, change: t.Change, file: str = FLOAT) -> Callable[[Path], None]:
    return lambda folder: t.constant(folder / file, layer, change)


def bias(layer: str, change: t.Change, file: str = FLOAT) -> Callable[[Path], None]:
    return lambda folder: t.constant(folder / file, layer, change, bias=True)


def onnx_weights(name: str, change: t.Change) -> Callable[[Path], None]:
    return lambda folder: t.onnx_constant(folder / ONNX, name, change)


def core(number: int, change: t.Change) -> Callable[[Path], None]:
    return lambda folder: t.blob(folder / CORE, number, change)


def asset(name: str, change: t.Change) -> Callable[[Path], None]:
    return lambda folder: t.asset_constant(folder / ASSET, name, change)


def asset_classes(folder: Path) -> None:
    """Every answer is the class after the right one."""
    t.asset_constant(folder / ASSET, "probabilities_kernel", lambda a: np.roll(a, 1, 0))
    t.asset_constant(folder / ASSET, "probabilities_bias", lambda a: np.roll(a, 1, 1))


def manifest(change: Callable[[Any], None]) -> Callable[[Path], None]:
    return lambda folder: t.document(folder / "manifest.json", change)


def one_value(value: float) -> t.Change:
    """The 42nd number of an array replaced."""

    def change(array: NDArray[Any]) -> NDArray[Any]:
        array.reshape(-1)[42 % array.size] = value
        return array

    return change


def one_channel(factor: float) -> t.Change:
    """The first output channel multiplied."""

    def change(array: NDArray[Any]) -> NDArray[Any]:
        array[0] = array[0] * factor
        return array

    return change


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def swap_files(folder: Path) -> None:
    """Two schemes under each other's name."""
    one, other = folder / FLOAT, folder / INT8
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def rotate_classes(folder: Path) -> None:
    """Every answer is the class after the right one."""
    for biased in (False, True):
        t.constant(folder / FLOAT, "probabilities", lambda a: np.roll(a, 1, axis=0), biased)


def first_ten(step: int) -> t.Change:
    """Ten output channels zeroed (0) or in reverse order (−1): little, of a hundred."""

    def change(array: NDArray[Any]) -> NDArray[Any]:
        array[:10] = array[:10][::-1] if step else 0
        return array

    return change


def swap_rows(array: NDArray[Any]) -> NDArray[Any]:
    array[[2, 3]] = array[[3, 2]]
    return array


def swap_two_classes(folder: Path) -> None:
    for biased in (False, True):
        t.constant(folder / FLOAT, "probabilities", swap_rows, biased)


def sharper(folder: Path) -> None:
    """The same answers, far too sure: what a forgotten temperature does."""
    for biased in (False, True):
        t.constant(folder / FLOAT, "probabilities", lambda a: a * 3, biased)


def louder_embedding(folder: Path) -> None:
    """Doubled before the average and halved after it, so that the probabilities stay."""
    for biased in (False, True):
        t.constant(folder / FLOAT, "conv4", lambda a: a * 2, biased)
    t.constant(folder / FLOAT, "probabilities", lambda a: a / 2)


def dead_channel(folder: Path) -> None:
    for biased in (False, True):
        t.constant(folder / FLOAT, "conv1", one_channel(0), biased)


def two_steps(array: NDArray[Any]) -> NDArray[Any]:
    """What no rounding explains, and no output shows."""
    flat = array.reshape(-1)
    flat[7] += -2 if flat[7] > 0 else 2
    return array


def first_dead(array: NDArray[Any]) -> NDArray[Any]:
    array.reshape(100, -1)[0] = 0
    return array


def other_weights(array: NDArray[Any]) -> NDArray[Any]:
    return np.random.default_rng(0).integers(1, 127, array.shape).astype(array.dtype)


def recorded_broken(how: Callable[[Path], None], file: str) -> Callable[[Path], None]:
    """Broken before its golden vectors were recorded, as by its converter."""

    def both(folder: Path) -> None:
        how(folder)
        t.record_again(folder, file)

    return both


def golden_value(folder: Path, both: bool) -> None:
    """One expected probability moved."""

    def change(data: Any) -> None:
        data["artifacts"][FLOAT]["expected"][0][0] = 0.5

    t.document(folder / "golden" / "golden.json", change)
    if both:
        name = f"expected_{FLOAT}"
        t.arrays(folder / "golden" / "golden.npz", name, lambda a: _with(a, (0, 0), 0.5))


def _with(array: NDArray[Any], at: tuple[int, int], value: float) -> NDArray[Any]:
    array[at] = value
    return array


def golden(change: Callable[[Any], None]) -> Callable[[Path], None]:
    return lambda folder: t.document(folder / "golden" / "golden.json", change)


def other_contract(file: str, **fields: object) -> Callable[[Path], None]:
    return lambda folder: t.contract(folder / file, **fields)


def manifest_contract(**fields: object) -> Callable[[Path], None]:
    return manifest(lambda data: _entry(data, FLOAT)["signal"].update(fields))


def _entry(data: Any, name: str) -> Any:
    (found,) = (artifact for artifact in data["artifacts"] if artifact["path"] == name)
    return found


def rename_everywhere(data: Any) -> None:
    """Labels in another order in the whole manifest, as a stray sort would do."""
    for signal in (data["signal"], *(a["signal"] for a in data["artifacts"])):
        signal["labels"] = signal["labels"][::-1]


def pass_all(data: Any) -> None:
    for result in data:
        result["status"] = "passed"
        result["reason"] = "looks fine"


IOS = {"sensor": "ios", "unit": "g", "sign": "ios"}
REVERSED = ["Walking", "Upstairs", "Standing", "Sitting", "Jogging", "Downstairs"]

NUMBERS = (
    Sabotage("kernel scaled by 5 %", weights("conv2", lambda a: a * 1.05), "max_abs", OFF),
    Sabotage("kernel scaled by half", weights("conv2", lambda a: a / 2), "snr_db", r"snr_db is"),
    Sabotage(
        "kernel negated",
        weights("conv3", np.negative),
        "top1_agreement",
        r"\d+ of \d+ windows are classified differently than by the float model, first window \d+",
    ),
    Sabotage(
        "output channels moved by one",
        weights("conv1", lambda a: np.roll(a, 1, axis=0)),
        "accuracy_drop",
        r"accuracy 0\.\d+ instead of 0\.\d+ on \d+ windows",
    ),
    Sabotage(
        "axes x and z swapped",
        weights("conv1", lambda a: a[..., ::-1]),
        "top1_agreement",
        "are classified differently",
    ),
    Sabotage(
        "time reversed", weights("conv1", lambda a: a[:, :, ::-1]), "kl_mean", r"kl_mean is \S+"
    ),
    Sabotage("normalized twice", weights("conv1", lambda a: a / 6.7), "max_abs", OFF),
    Sabotage("g taken for m/s²", weights("conv1", lambda a: a * 9.80665), "max_abs", OFF),
    Sabotage("one weight is NaN", weights("conv2", one_value(np.nan)), "max_abs", r"NaN|furthest"),
    Sabotage(
        "one class is NaN",
        bias("probabilities", one_value(np.nan)),
        "top1_agreement",
        r"outputs are NaN or infinite for \d+ of \d+ windows, first for window 0, class '\w+'",
    ),
    Sabotage("one weight is infinite", weights("conv4", one_value(np.inf)), "max_abs", r"NaN|off"),
    Sabotage("biases are zero", bias("conv4", np.zeros_like), "max_abs", OFF),
    Sabotage("a dead channel", dead_channel, "max_abs", OFF),
    Sabotage("classes off by one", rotate_classes, "accuracy_drop", "accuracy 0"),
    Sabotage(
        "two classes swapped", swap_two_classes, "top1_agreement", "are classified differently"
    ),
    Sabotage("three times as sure", sharper, "kl_mean", "kl_mean is"),
    Sabotage("two files swapped", swap_files, "max_abs", OFF),
    Sabotage(
        "int8: kernel clipped",
        weights("conv3", lambda a: np.clip(a, -20, 20), INT8),
        "snr_db",
        "snr_db is",
        INT8,
    ),
    Sabotage(
        "int8: kernel negated",
        weights("conv2", lambda a: -np.maximum(a, -127), INT8),
        "cosine",
        "cosine is",
        INT8,
    ),
    Sabotage("int8: dead channels", weights("conv1", first_ten(0), INT8), "golden", "vector", INT8),
    Sabotage(
        "int8: channels reversed", weights("conv1", first_ten(-1), INT8), "golden", "vector", INT8
    ),
    Sabotage("int8: biases are zero", bias("conv4", np.zeros_like, INT8), "golden", "vector", INT8),
    Sabotage(
        "int8: dead channels from the start",
        recorded_broken(weights("conv1", first_ten(0), INT8), INT8),
        "weights",
        r"kernel of 'conv1', output channel \d and 9 more: \S+ half steps from the trained weights",
        INT8,
    ),
    Sabotage(
        "int8: channels reversed from the start",
        recorded_broken(weights("conv1", first_ten(-1), INT8), INT8),
        "weights",
        "kernel of 'conv1', output channel",
        INT8,
    ),
    Sabotage(
        "int8: biases are zero from the start",
        recorded_broken(bias("conv4", np.zeros_like, INT8), INT8),
        "weights",
        "bias of 'conv4', output channel",
        INT8,
    ),
    Sabotage(
        "int8: one weight off by two steps",
        weights("conv2", two_steps, INT8),
        "weights",
        r"kernel of 'conv2', output channel \d+: \S+ half steps",
        INT8,
    ),
    Sabotage(
        "Core ML: a dead channel from the start",
        recorded_broken(core(0, first_dead), CORE),
        "weights",
        "kernel of 'conv1', output channel 0: ",
        CORE,
    ),
    Sabotage(
        "int8: wrong zero point",
        lambda folder: t.input_quantization(folder / INT8, zero_point=20),
        "mean_abs",
        "mean_abs is",
        INT8,
    ),
    Sabotage(
        "int8: wrong scale",
        lambda folder: t.input_quantization(folder / INT8, scale=2),
        "mean_abs",
        "mean_abs is",
        INT8,
    ),
    Sabotage("Core ML: kernel scaled", core(2, lambda a: a * 1.5), "max_abs", OFF, CORE),
    Sabotage("Core ML: all of a kernel is zero", core(6, np.zeros_like), "kl_mean", "is", CORE),
    Sabotage(
        "Core ML: sign of gravity forgotten", core(0, np.negative), "kl_mean", "kl_mean is", CORE
    ),
    Sabotage(
        "Core ML: m/s² taken for g",
        core(0, lambda a: a / 9.80665),
        "top1_agreement",
        "classified",
        CORE,
    ),
    Sabotage("Core ML: a NaN", core(8, one_value(np.nan)), "max_abs", "NaN or infinite for", CORE),
    Sabotage(
        "float outputs edited",
        lambda folder: t.arrays(folder / "reference.npz", "probabilities", lambda a: a[:, ::-1]),
        "top1_agreement",
        "are classified differently",
    ),
    Sabotage(
        "float model of another training",
        lambda folder: t.keras_weights(folder / "model.keras", lambda a: a * 0.8),
        "max_abs",
        OFF,
    ),
)
"""Refused by what the file computes, digests notwithstanding."""

OPTIONAL = (
    *(
        Sabotage(
            f"noise against {gate}",
            weights("conv2", lambda a: a * 1.3),
            gate,
            f"{gate}(:| is)",
            limits={gate: limit},
        )
        for gate, limit in {
            **{"rmse": 1e-4, "psnr_db": 60.0, "cosine_min": 0.999, "kl_max": 1e-3},
            **{"js_mean": 1e-5, "mean_abs": 1e-4, "cosine": 0.99999},
        }.items()
    ),
    Sabotage(
        "int8: a range too narrow",
        lambda folder: t.input_quantization(folder / INT8, scale=0.25),
        "saturated",
        r"saturated is 0\.\d+, must be <= 0.01",
        INT8,
        limits={"saturated": 0.01},
    ),
    *(
        Sabotage(
            f"wrong answers against {gate}",
            rotate_classes,
            gate,
            f"{gate}(:| is)",
            limits={gate: limit},
        )
        for gate, limit in {
            **{"accuracy": 0.6, "macro_f1": 0.6, "macro_f1_drop": 0.02, "max_drop": 0.02},
            **{"class_drop": 0.05, "subject_drop": 0.05},
        }.items()
    ),
)
"""Gates without a default limit."""

CONTRACTS = (
    Sabotage(
        "unit changed in the file",
        other_contract(FLOAT, **IOS),
        "contract",
        f"sensor is ios in {FLOAT}, but android in the manifest",
    ),
    Sabotage(
        "rate changed in the file",
        other_contract(FLOAT, rate_hz=50.0),
        "contract",
        f"rate_hz is 50.0 in {FLOAT}, but 20.0 in the manifest",
    ),
    Sabotage(
        "labels reordered in the file's contract",
        other_contract(CORE, labels=REVERSED),
        "contract",
        r"labels is \('Walking'",
        CORE,
    ),
    Sabotage(
        "labels.txt inside the file reordered",
        lambda folder: t.attached(
            folder / FLOAT, "labels.txt", lambda old: b"\n".join(old.split()[::-1])
        ),
        "contract",
        f"{FLOAT} names its classes Walking, .* the manifest Downstairs",
    ),
    Sabotage(
        "Core ML: classes renamed",
        lambda folder: t.class_names(folder / CORE, REVERSED),
        "contract",
        f"{CORE} names its classes Walking, .* the manifest Downstairs",
        CORE,
    ),
    Sabotage(
        "contract removed from the file",
        lambda folder: t.attached(folder / FLOAT, "edgeconv.json", lambda _: None),
        "contract",
        f"{FLOAT} has no sensor contract",
    ),
    Sabotage(
        "sign flipped in the manifest's contract",
        manifest_contract(**IOS),
        "max_abs",
        f"{OFF}.*sensor is android in {FLOAT}, but ios in the manifest",
    ),
    Sabotage(
        "rate changed in the manifest",
        manifest_contract(rate_hz=25.0),
        "contract",
        "rate_hz is 25.0 in the manifest for har_float32.tflite, but 20.0 in that for the model",
    ),
    Sabotage(
        "quantization of the input changed in the manifest",
        manifest(lambda data: _entry(data, INT8)["inputs"][0].update(scale=0.1, zero_point=3)),
        "contract",
        r"input is sensor float32 1×240 in \S+, but .* 1×240 \(scale 0.1, zero point 3\)",
        INT8,
    ),
    Sabotage(
        "axes renamed in the manifest",
        manifest_contract(channels=["z", "y", "x"]),
        "contract",
        r"channels is \('z', 'y', 'x'\) in the manifest",
    ),
    Sabotage(
        "labels reordered all over the manifest",
        manifest(rename_everywhere),
        "contract",
        "labels is .* in model.keras, but",
    ),
    Sabotage(
        "unit alone changed in the manifest",
        manifest_contract(unit="g"),
        READING,
        "contradicts itself: unit is 'g', but sensor 'android' means 'm/s.2'",
    ),
    Sabotage(
        "axis-major layout in the manifest",
        manifest_contract(layout="axis-major"),
        READING,
        "unknown layout 'axis-major'",
    ),
)
"""Refused by the sensor contract: what the numbers cannot show."""

GOLDEN = (
    Sabotage(
        "a moved golden value",
        lambda folder: golden_value(folder, both=True),
        "golden",
        r"vector 0 \(.*\): 'Downstairs' is \S+ instead of 0\.5",
    ),
    Sabotage(
        "a moved golden value in one of two files",
        lambda folder: golden_value(folder, both=False),
        "golden",
        f"golden.json and golden.npz differ in expected_{FLOAT}, vector 0: 0.5 against",
    ),
    Sabotage(
        "golden vectors of other bytes",
        golden(lambda data: data["artifacts"][FLOAT].update(sha256="0" * 64)),
        "golden",
        "the file has changed since the golden vectors were made",
        seal=Seal.OUTER,
    ),
    Sabotage(
        "golden vectors of another float model",
        golden(lambda data: data["model"].update(sha256="0" * 64)),
        "golden",
        "golden vectors were made from another float model",
        seal=Seal.OUTER,
    ),
    Sabotage(
        "golden inputs scaled",
        lambda folder: t.arrays(folder / "golden" / "golden.npz", "windows", lambda a: a * 2),
        "golden",
        "golden.json and golden.npz differ in windows",
    ),
    Sabotage(
        "golden vectors removed",
        lambda folder: shutil.rmtree(folder / "golden"),
        READING,
        "golden.json is named in the manifest, but it is missing",
        seal=Seal.NONE,
    ),
)

BUNDLES = (
    Sabotage(
        "truncated .tflite",
        lambda folder: truncate(folder / FLOAT),
        OPENING,
        f"{FLOAT} is truncated or damaged",
    ),
    Sabotage(
        "no softmax",
        lambda folder: t.without_softmax(folder / FLOAT),
        OPENING,
        r"outputs from \S+ to \S+ are not probabilities",
    ),
    Sabotage(
        "ONNX: kernel negated",
        onnx_weights("conv3_kernel", np.negative),
        "top1_agreement",
        "are classified differently",
        ONNX,
    ),
    Sabotage(
        "ONNX: one weight is NaN",
        onnx_weights("conv2_kernel", one_value(np.nan)),
        "top1_agreement",  # its relu makes 0 of NaN
        "are classified differently",
        ONNX,
    ),
    Sabotage(
        "ONNX: bias of the first channel off by a little",
        onnx_weights("conv1_bias", lambda a: a + np.eye(1, a.size, dtype=a.dtype)[0] * 0.01),
        "weights",
        "half steps",
        ONNX,
    ),
    Sabotage(
        "ONNX: truncated",
        lambda folder: truncate(folder / ONNX),
        OPENING,
        f"{ONNX} is truncated or damaged",
        ONNX,
    ),
    Sabotage(
        "Core ML: truncated weights",
        lambda folder: truncate(t.weight_file(folder / CORE)),
        OPENING,
        "weight.bin",
        CORE,
    ),
    Sabotage(
        "Core ML: no weights",
        lambda folder: t.weight_file(folder / CORE).unlink(),
        OPENING,
        "weight.bin",
        CORE,
    ),
    Sabotage(
        "Core ML: no package manifest",
        lambda folder: (folder / CORE / "Manifest.json").unlink(),
        OPENING,
        "Manifest.json is missing or damaged",
        CORE,
    ),
    Sabotage(
        "Core ML: truncated program",
        lambda folder: truncate(model_file(folder / CORE)),
        OPENING,
        "truncated or damaged",
        CORE,
    ),
    *(
        Sabotage(name, how, READING, message, seal=Seal.NONE)
        for name, how, message in (
            ("stale manifest", swap_files, f"{FLOAT} has changed since the manifest was written"),
            (
                "a model trained again",
                lambda folder: t.keras_weights(folder / "model.keras", np.negative),
                "model.keras has changed",
            ),
            (
                "labels.txt reordered",
                lambda folder: (folder / "labels.txt").write_text("\n".join(REVERSED) + "\n"),
                "labels.txt has changed",
            ),
            (
                "parity.json edited to passed",
                lambda folder: t.document(folder / "parity.json", pass_all),
                "parity.json has changed",
            ),
            (
                "float outputs edited, digest left",
                lambda folder: t.arrays(folder / "reference.npz", "probabilities", np.sqrt),
                "reference.npz has changed",
            ),
            ("missing file", lambda folder: (folder / INT8).unlink(), f"{INT8} is named in the"),
            (
                "a file that nobody checked",
                lambda folder: shutil.copyfile(folder / FLOAT, folder / "har_best.tflite"),
                "har_best.tflite is not in the manifest, so it was not checked",
            ),
            (
                "a file dropped from the manifest",
                manifest(lambda data: data["artifacts"].pop(0)),
                f"{FLOAT} is not in the manifest",
            ),
            (
                "manifest of another version",
                manifest(lambda data: data.update(schema_version=99)),
                "schema version 99",
            ),
            (
                "half a manifest",
                lambda folder: truncate(folder / "manifest.json"),
                "manifest.json cannot be read",
            ),
        )
    ),
)
"""Refused before or while the files are opened."""


CORE_AI = tuple(
    Sabotage(f"Core AI: {name}", how, gate, message, ASSET)
    for name, how, gate, message in (
        ("kernel negated", asset("conv3_kernel", np.negative), "top1_agreement", "classified"),
        ("scales halved", asset("conv2_kernel_scale", lambda a: a / 2), "snr_db", "snr_db is"),
        (
            "biases are zero",
            asset("conv4_bias", np.zeros_like),
            "weights",
            "bias of 'conv4', output channel",
        ),
        (
            "sign of gravity forgotten",
            asset("conv1_kernel", np.negative),
            "kl_mean",
            "kl_mean is",
        ),
        ("classes off by one", asset_classes, "accuracy_drop", "accuracy 0"),
        (
            "one class is NaN",
            asset("probabilities_bias", one_value(np.nan)),
            "mean_abs",
            "NaN or infinite for",
        ),
        ("dead channels", asset("conv1_kernel", first_ten(0)), "snr_db", "snr_db is"),
        (
            "dead channels from the start",
            recorded_broken(asset("conv1_kernel", first_ten(0)), ASSET),
            "weights",
            "kernel of 'conv1', output channel",
        ),
        (
            "rate changed in the file",
            other_contract(ASSET, rate_hz=50.0),
            "contract",
            f"rate_hz is 50.0 in {ASSET}, but 20.0 in the manifest",
        ),
        (
            "classes renamed",
            lambda folder: t.asset_metadata(
                folder / ASSET, lambda custom: custom.update(labels=REVERSED)
            ),
            "contract",
            f"{ASSET} names its classes Walking, .* the manifest Downstairs",
        ),
        (
            "contract removed from the file",
            lambda folder: t.asset_metadata(
                folder / ASSET, lambda custom: custom.pop(CONTRACT_KEY)
            ),
            "contract",
            f"{ASSET} has no sensor contract",
        ),
        (
            "truncated program",
            lambda folder: truncate(folder / ASSET / "main.mlirb"),
            OPENING,
            "is truncated or damaged: main.mlirb does not fit main.hash",
        ),
        (
            "no program",
            lambda folder: (folder / ASSET / "main.mlirb").unlink(),
            OPENING,
            "it holds no main.mlirb",
        ),
    )
)


def prouder(name: str, **figures: float) -> Callable[[Path], None]:
    """Figures of the manifest edited."""
    return manifest(lambda data: data["evaluations"][name].update(figures))


def lenient(data: Any) -> None:
    """Every recorded limit as wide as can be."""
    for result in data:
        for check in result["checks"]:
            if check["limit"] is not None:
                check["limit"] = 1e9 if check["direction"] == "<=" else -1e9


def one_limit(data: Any) -> None:
    for result in data:
        for check in result["checks"]:
            if check["name"] == "top1_agreement":
                check["limit"] = 0.5


RECORDS = (
    Sabotage(
        "accuracy of the float model edited",
        prouder("model.keras", accuracy=0.999),
        "record",
        r"accuracy of model.keras is 0\.999 in the manifest, but 0\.\d+ on its windows",
        whole=True,
    ),
    Sabotage(
        "confusion of the float model edited",
        manifest(lambda d: d["evaluations"]["model.keras"]["confusion"][0].__setitem__(0, 9999)),
        "record",
        r"confusion 0 0 of model.keras is 9999 in the manifest, but \d+",
        whole=True,
    ),
    Sabotage(
        "accuracy of a file edited",
        prouder(INT8, accuracy=0.999),
        "record",
        f"accuracy of {INT8} is 0.9990 in the manifest, but 0",
        INT8,
        whole=True,
    ),
    Sabotage(
        "a recipe's gate widened",
        manifest(lambda data: data["recipe"].update(gates={"snr_db": -10})),
        "record",
        f"{FLOAT} was judged by snr_db >= 90, but scheme and recipe say -10",
    ),
    Sabotage(
        "recorded limits widened",
        lambda folder: t.document(folder / "parity.json", lenient),
        "record",
        f"{FLOAT} was judged by max_abs <= 1e[+]09, but scheme and recipe say 0.0001",
    ),
    Sabotage(
        "one recorded limit widened",
        lambda folder: t.document(folder / "parity.json", one_limit),
        "record",
        f"{INT8} was judged by top1_agreement >= 0.5, but scheme and recipe say 0.97",
        INT8,
    ),
    Sabotage(
        "golden tolerance widened",
        golden(lambda data: data["artifacts"][FLOAT]["tolerance"].update(max_abs=0.5)),
        "record",
        f"the golden tolerance of {FLOAT} is 0.5, but its scheme explains 0.0001",
    ),
)
"""Refused because the figures in the manifest can be recomputed."""

RETRAINING = (
    Sabotage(
        "pruned: zeros are weights again",
        weights("conv3", lambda a: np.where(a == 0, 1, a), RETRAINED),
        "sparsity",
        r"only \S+% of conv3 is 0",
        RETRAINED,
    ),
    Sabotage(
        "pruned: three weights of four input channels",
        weights("conv3", lambda a: np.where(a == 0, 1, a), RETRAINED),
        "weights_of_four",
        r"conv3 has \d weights in four input channels",
        RETRAINED,
    ),
    Sabotage(
        "clustered: weights of another network",
        weights("conv3", other_weights, RETRAINED),
        "distinct_weights",
        r"an output of conv3 has \d+ different weights",
        RETRAINED,
    ),
    Sabotage(
        "compressed: kernel negated",
        weights("conv3", lambda a: -np.maximum(a, -127), RETRAINED),
        "conversion",
        rf"against compressed/{COMPRESSION}.keras: .*snr_db is",
        RETRAINED,
    ),
)
"""Refused by what a compression leaves in the weights, and by the network that it made."""

EMBEDDINGS = (
    Sabotage(
        "embedding at another scale",
        louder_embedding,
        "embedding_snr_db",
        r"embedding_snr_db is \S+",
        embedding=True,
    ),
)
"""Refused although every class keeps its probability."""

TABLE = (
    *(*NUMBERS, *RETRAINING, *OPTIONAL, *CONTRACTS, *GOLDEN, *RECORDS, *BUNDLES, *CORE_AI),
    *EMBEDDINGS,
)
