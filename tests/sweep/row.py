"""One architecture, exported to every target by edgeconv and by the bare converters."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import NULL_PROGRESS, InputConvention, Variant
from edgeconv.core.parity_statistics import decibels
from edgeconv.errors import EdgeconvError, Unsupported
from edgeconv.runtimes import open_runner
from edgeconv.workflows.export import export
from edgeconv.workflows.steps.export_options import ExportOptions

from .architectures import SAMPLES, Architecture

TARGETS, SCHEMES = ("tflite", "coreml", "onnx"), ("float32", "int8")
FLOAT_LIMIT = 1e-4
"""Largest difference of a float32 file, as a share of the largest output where that is above 1."""
INT8_LIMIT = 15.0
"""Decibels below which an int8 file says something else; random networks are harder than trained
ones, whose gates are higher."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Cell:
    """What became of one architecture in one format.

    Attributes:
        result: `right`, `wrong` (outputs are not Keras'), `refused` (exit 4, with the layer and
            the reason), `failed` (any other refusal), or `crashed`.
        max_diff: largest difference from Keras, by the largest output where that is above 1.
        snr_db: of the outputs.
        reason: of a refusal.
    """

    result: str
    max_diff: float | None = None
    snr_db: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Row:
    """All cells of one architecture, by `target scheme`: edgeconv's, and the bare converters'."""

    number: int
    blocks: tuple[str, ...]
    ours: dict[str, Cell]
    bare: dict[str, Cell]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Row:
        data = json.loads(text)
        for side in ("ours", "bare"):
            data[side] = {name: Cell(**cell) for name, cell in data[side].items()}
        return cls(**{**data, "blocks": tuple(data["blocks"])})

    @property
    def faults(self) -> list[str]:
        """Cells that are silently wrong or failed, or below the bare converter's."""
        return [
            f"{self.number} ({', '.join(self.blocks)}) {name}: {cell.result}, {cell.reason}"
            for name, cell in self.ours.items()
            if cell.result in ("wrong", "failed", "crashed")
            or (cell.result == "refused" and self.bare.get(name, cell).result == "right")
        ]


def sweep(architecture: Architecture) -> Row:
    """Export `architecture` to every target and scheme, and compare each file with Keras."""
    model = architecture.model
    calibration, fresh = architecture.samples(0), architecture.samples(1)
    expected = keras_outputs(model, fresh)
    with tempfile.TemporaryDirectory(prefix="edgeconv-sweep-") as folder:
        place = Path(folder)
        model.save(place / "model.keras")
        stored: Any = calibration  # for `savez`, whose options are keywords as well
        np.savez(place / "calibration.npz", **stored)
        ours = {
            f"{variant.target} {variant.scheme}": _cell(run, variant.scheme, fresh, expected)
            for variant, run in _exported(place)
        }
        bare = {
            name: _cell(make(model, calibration, place), name.split()[1], fresh, expected)
            for name, make in BARE.items()
        }
    return Row(architecture.number, architecture.blocks, ours, bare)


def keras_outputs(model: Any, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """What the user's own model says, by output name."""
    inputs = [arrays[tensor.name.split(":")[0]] for tensor in model.inputs]
    found = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    several = found if isinstance(found, list | tuple) else [found]
    names = model.output_names
    return {name: np.asarray(value) for name, value in zip(names, several, strict=True)}


def _exported(place: Path) -> Iterator[tuple[Variant, Callable[[], Path]]]:
    """Each variant, with what gives its file: all are made at once if none is refused."""
    variants = [
        Variant(target, scheme, InputConvention.NORMALIZED)
        for target in TARGETS
        for scheme in SCHEMES
    ]
    options = ExportOptions(calibration=f"npz:{place / 'calibration.npz'}")

    def one(chosen: list[Variant], out: str) -> dict[tuple[str, str], Path]:
        bundle = export(place / "model.keras", chosen, place / out, options, progress=NULL_PROGRESS)
        return {(a.target, a.scheme): a.path for a in bundle.artifacts}

    try:
        together = one(variants, "all")
    except EdgeconvError:
        together = {}
    for variant in variants:
        key = (variant.target, variant.scheme)

        def make(variant: Variant = variant, key: tuple[str, str] = key) -> Path:
            known = together.get(key)
            return known or one([variant], "-".join(key))[key]

        yield variant, make


def _cell(make: Callable[[], Path], scheme: str, fresh: Arrays, expected: Arrays) -> Cell:
    try:
        path = make()
        with open_runner(path) as runner:
            outputs = _matched(runner.run(_renamed(fresh, list(runner.inputs))), expected)
    except Unsupported as error:
        return Cell("refused", reason=error.message)
    except EdgeconvError as error:
        return Cell("failed", reason=f"{error.message} ({error.hint})")
    except Exception as error:  # noqa: BLE001 (a bare converter raises anything)
        return Cell("failed", reason=f"{type(error).__name__}: {str(error)[:200]}")
    return judge(scheme, outputs, expected)


def judge(scheme: str, outputs: Arrays, expected: Arrays) -> Cell:
    """A file's outputs against Keras', by name; the worst output counts."""
    differences, noises = [], []
    for name, right in expected.items():
        found = np.asarray(outputs[name], np.float64).reshape(right.shape)
        largest = max(1.0, float(np.abs(right).max()))
        differences.append(float(np.abs(found - right).max()) / largest)
        noises.append(
            decibels(float(np.square(right).sum()), float(np.square(found - right).sum()))
        )
    difference, quality = max(differences), min(noises)
    right_enough = difference <= FLOAT_LIMIT if scheme == "float32" else quality >= INT8_LIMIT
    result = "right" if right_enough and np.isfinite(difference) else "wrong"
    return Cell(result, difference, min(quality, 200.0))


def _renamed(arrays: Arrays, names: list[str]) -> Arrays:
    """Inputs under the names of a file, which a bare converter may have changed."""
    if set(names) == set(arrays):
        return arrays
    if len(names) == len(arrays) == 1:
        return {names[0]: next(iter(arrays.values()))}
    return {name: next(v for k, v in arrays.items() if k in name) for name in names}


def _matched(outputs: Mapping[str, NDArray[Any]], expected: Arrays) -> Arrays:
    """Outputs under Keras' names; a bare converter's are told by their sizes."""
    if set(outputs) == set(expected):
        return dict(outputs)
    sizes = {name: value[0].size for name, value in expected.items()}
    return {
        name: next(np.asarray(v) for v in outputs.values() if np.asarray(v).size == SAMPLES * size)
        for name, size in sizes.items()
    }


Bare = Callable[[Any, Arrays, Path], Callable[[], Path]]


def _bare_tflite(quantized: bool) -> Bare:
    def prepare(model: Any, calibration: Arrays, place: Path) -> Callable[[], Path]:
        def make() -> Path:
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            if quantized:
                names = [tensor.name.split(":")[0] for tensor in model.inputs]
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = lambda: (
                    [calibration[name][n : n + 1] for name in names] for n in range(SAMPLES)
                )
            path = place / f"bare_{quantized}.tflite"
            path.write_bytes(converter.convert())
            return path

        return make

    return prepare


def _bare_coreml(quantized: bool) -> Bare:
    def prepare(model: Any, calibration: Arrays, place: Path) -> Callable[[], Path]:
        def make() -> Path:
            import coremltools as ct

            converted = ct.convert(
                model,
                source="tensorflow",
                convert_to="mlprogram",
                compute_precision=ct.precision.FLOAT32,
                minimum_deployment_target=ct.target.iOS17,
            )
            if quantized:
                linear = ct.optimize.coreml.OpLinearQuantizerConfig()
                config = ct.optimize.coreml.OptimizationConfig(global_config=linear)
                converted = ct.optimize.coreml.linear_quantize_weights(converted, config)
            path = place / f"bare_{quantized}.mlpackage"
            converted.save(str(path))
            return path

        return make

    return prepare


BARE: dict[str, Bare] = {
    "tflite float32": _bare_tflite(False),
    "tflite int8": _bare_tflite(True),
    "coreml float32": _bare_coreml(False),
    "coreml int8": _bare_coreml(True),
}
