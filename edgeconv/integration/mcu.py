"""A microcontroller: the int8 model, and a core in C99 that needs no allocation."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgeconv.core import STANDARD_GRAVITY, Artifact, TensorSpec
from edgeconv.datasets.text import tokenize
from edgeconv.integration.identifiers import NAMINGS
from edgeconv.integration.model_package import Field, ModelContext, ModelPackage, SharedSources
from edgeconv.integration.personal_vectors import make_personal_document
from edgeconv.integration.platform import Platform
from edgeconv.integration.sensors import SENSORS, Part, constant_name, gravity_sections
from edgeconv.integration.smoothing import EnergySettings, lowpass
from edgeconv.integration.stream import SensorSettings, StreamSettings
from edgeconv.integration.template_context import TemplateContext
from edgeconv.runtimes.arrays import quantize
from edgeconv.targets.tflite.reader import read_graph

_WIDTH = 88  # of a row of numbers


def _accepts(artifact: Artifact) -> bool:
    """Integer input and output: otherwise the interpreter would need float kernels."""
    return {t.dtype for t in (*artifact.inputs, *artifact.outputs)} == {"int8"}


def _slots(context: TemplateContext) -> Mapping[str, Any]:
    document, stream = context.document, context.stream
    content = context.artifact.path.read_bytes()
    runs = [_run(recorded, context) for recorded in document["streams"]]
    device_runs = [_device_run(recorded, context) for recorded in context.device["streams"]]
    energy = EnergySettings()
    gravity = STANDARD_GRAVITY if context.signal.unit == "g" else 1.0
    names = [f"EDGECONV_{constant_name(sensor.kind)}_FACTOR" for sensor in stream.sensors]
    return {
        "taps": lowpass(stream.oversampling),
        "taps_max": max(stream.tap_count, *(len(f["taps"]) for f in document["filters"])),
        "pending": _pending(stream),
        "pending_max": max(_pending(stream), *(run["pending"] for run in (*runs, *device_runs))),
        "factors": names if len(names) > 1 else ["EDGECONV_FACTOR"],
        "sections": gravity_sections(context.signal.rate_hz),
        "part_names": _PARTS,
        "spacing_ns": stream.spacing_ns,
        "vectors": document,
        "personal": make_personal_document(),
        "filters": runs,
        "device": context.device,
        "device_filters": device_runs,
        "energy": energy,
        "still_below": energy.still_below / gravity,
        "sources_of_core": _sources_of_core(),
        "file_crc32": zlib.crc32(content),
        "file": content,
        "file_bytes": f"{len(content):,}",
        "state_bytes": f"{state_bytes(context):,}",
        "operations": operations(context.artifact),
        "arena_bytes": context.arena_bytes,
    }


def _model_slots(context: ModelContext) -> Mapping[str, object]:
    content = context.artifact.path.read_bytes()
    words = [w for w in context.vocabulary if tokenize(w, {w: 0})[1:] == [0]]
    outputs = sum(4 * each.tensor.size for each in context.outputs)
    inputs = sum(4 * each.tensor.size for each in context.inputs)
    return {
        "golden_bytes": f"{len(context.golden) * (inputs + outputs):,}",
        "result_bytes": f"{len(context.golden) * outputs:,}",
        "file": content,
        "file_bytes": f"{len(content):,}",
        "file_crc32": zlib.crc32(content),
        "operations": operations(context.artifact),
        "arena_bytes": context.arena_bytes,
        "words": sorted((word, context.vocabulary.index(word)) for word in words),
        "longest": max(map(len, words), default=1),
    }


def _sources_of_core() -> list[str]:
    """What a build compiles, by name."""
    folder = PLATFORM.templates / "src"
    return sorted(path.name.removesuffix(".j2") for path in folder.glob("*.c*"))


_PARTS = {Part.WHOLE: "WHOLE", Part.GRAVITY: "GRAVITY_PART", Part.REST: "REST"}


def _pending(stream: StreamSettings) -> int:
    """How many points of the fine grid one sensor can be ahead of another."""
    if len(stream.sensors) == 1:
        return 1
    ahead = stream.silence_ns + max(sensor.max_gap_ns for sensor in stream.sensors)
    return math.ceil(ahead / stream.spacing_ns + 1)


def _run(recorded: Mapping[str, Any], context: TemplateContext) -> dict[str, Any]:
    """The settings of a recorded stream as C has them."""
    own = context.stream
    given = recorded.get("sensors") or [
        {"hz": recorded["sensor_hz"], "factor": recorded["factor"]}  # of the only sensor
    ]
    sensors = tuple(
        SensorSettings(sensor.kind, each["hz"], each["factor"])
        for sensor, each in zip(own.sensors, given, strict=True)
    )
    waiting = sum(1 << place for place in recorded["expected"].get("waiting", []))
    return {**_settings(replace(own, sensors=sensors), context), "waiting": waiting}


def _device_run(recorded: Mapping[str, Any], context: TemplateContext) -> dict[str, Any]:
    """The same of a stream of `device.json`: one rate and no factor."""
    own = context.stream
    sensors = tuple(SensorSettings(s.kind, recorded["sensor_hz"]) for s in own.sensors)
    return _settings(replace(own, sensors=sensors), context)


def _settings(stream: StreamSettings, context: TemplateContext) -> dict[str, Any]:
    sensors = stream.sensors
    fastest = max(sensor.hz for sensor in sensors)
    rates = [f["sensor_hz"] for f in context.document["filters"]]
    return {
        "hz": [sensor.hz for sensor in sensors],
        "index": rates.index(fastest),
        "tap_count": stream.tap_count,
        "oversampling": stream.oversampling,
        "spacing_ns": stream.spacing_ns,
        "silence_ns": stream.silence_ns,
        "factors": [sensor.factor for sensor in sensors],
        "max_gap_ns": [sensor.max_gap_ns for sensor in sensors],
        "closest_ns": [sensor.closest_ns for sensor in sensors],
        "pending": _pending(stream),
    }


def state_bytes(context: TemplateContext) -> int:
    """Approximate size of `edgeconv_stream` on a 32-bit device: arrays and some hundred bytes."""
    signal, stream = context.signal, context.stream
    lanes = 3 * len(stream.sensors)
    floats = (stream.tap_count + _pending(stream)) * lanes + 2 * signal.flat_size
    return 4 * floats + 200 * len(stream.sensors)


_METHODS = {"CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "MAX_POOL_2D": "MaxPool2D"}
_METHODS |= {"AVERAGE_POOL_2D": "AveragePool2D"}


def operations(artifact: Artifact) -> list[str]:
    """The resolver's names of the file's operations: FULLY_CONNECTED is FullyConnected."""
    kinds = sorted({op.kind for op in read_graph(artifact.path).ops})
    return [_METHODS.get(k, "".join(word.capitalize() for word in k.split("_"))) for k in kinds]


def _stored_input(values: Sequence[float], stored: TensorSpec) -> list[int]:
    """A window as the file's own integers."""
    import numpy as np

    return [int(value) for value in quantize(stored, np.array(values, np.float32))]


def _float32(value: float) -> str:
    """A literal that reads back as the float32 nearest to `value`."""
    import numpy as np

    text = str(np.float32(value))
    return f"{text}f" if any(mark in text for mark in ".e") else f"{text}.0f"


def _float64(value: float) -> str:
    return repr(float(value))


def _value(value: float | None) -> str:
    return "NAN" if value is None else _float32(value)


def _row(values: Sequence[float | None]) -> str:
    return ", ".join(map(_value, values))


def _row64(values: Sequence[float | None]) -> str:
    return ", ".join("NAN" if value is None else _float64(value) for value in values)


def _rows(values: Sequence[float | None]) -> str:
    return _wrapped([_value(value) for value in values])


def _integers(values: Sequence[int]) -> str:
    return _wrapped([str(value) for value in values])


def _words(content: bytes) -> str:
    """Little-endian words of 8 bytes, the last filled up with zeros: an eighth of the numbers that
    a compiler would have to read as bytes, and less than half of the text."""
    padded = content + bytes(-len(content) % 8)
    return _wrapped([f"0x{word:x}" for (word,) in struct.iter_unpack("<Q", padded)])


def _wrapped(words: Sequence[str]) -> str:
    """Words with commas, in lines of the usual width."""
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > _WIDTH:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([*lines, line])


def _stored(field: Field, rows: Mapping[str, Sequence[Sequence[float]]]) -> list[list[int]]:
    """Each vector of an input or output as the file's own integers."""
    import numpy as np

    array = np.array(rows[field.name])
    if field.stored.quantized:
        array = quantize(field.stored, array.astype(np.float32))
    return [[int(value) for value in row] for row in array]


def _samples(samples: Mapping[str, Sequence[Any]]) -> str:
    columns = (samples[name] for name in ("t_ns", "x", "y", "z"))
    return "\n".join(
        f"    {{INT64_C({stamp}), {{{_row(values)}}}}},"
        for stamp, *values in zip(*columns, strict=True)
    )


def _quoted(text: str) -> str:
    """A C string: characters that are not plain become their UTF-8 bytes in octal."""
    plain = {chr(code) for code in range(32, 127)} - set('"\\?')
    return (
        '"'
        + "".join(
            c if c in plain else "".join(f"\\{byte:03o}" for byte in c.encode()) for c in text
        )
        + '"'
    )


PLATFORM = Platform(
    name="mcu",
    summary="a C99 package for tflite-micro",
    target="tflite",
    accepts=_accepts,
    needs="an int8 file with int8 input and output",
    prefers=("int8",),
    export="--target tflite --quantize int8 --io-type int8",
    source_unit="m/s^2",
    source_sign="android",
    sensor_hz=50.0,
    fastest_hz=1000.0,
    model=lambda _: {},
    slots=_slots,
    filters={
        "float32": _float32,
        "float64": _float64,
        "float32_row": _row,
        "float32_rows": _rows,
        "float64_row": _row64,
        "word_rows": _words,
        "integer_rows": _integers,
        "constant": constant_name,
        "sample_rows": _samples,
        "quoted": _quoted,
        "stored_rows": _stored,
        "stored_input": _stored_input,
        "json_text": json.dumps,
    },
    check_with="make test",
    vectors="test/stream.json",
    measures_arena=True,
    sensors=SENSORS,
    model_package=ModelPackage(
        summary="a C99 and C++ package for tflite-micro",
        needs="an int8 file whose inputs and outputs are int8, or int32 where the model's are",
        export="--target tflite --quantize int8 --io-type int8",
        naming=NAMINGS["c"],
        files=lambda _: {},
        slots=_model_slots,
        shared=SharedSources(
            {
                name: name
                for name in (
                    *(".clang-format", "src/model_data.h"),
                    *("src/edgeconv_alive.h", "src/edgeconv_crc32.h"),
                )
            }
        ),
        vectors="test/golden.json",
        vocabulary="test/vocabulary.txt",
        check_with="make test",
        types=("int8", "int32"),
    ),
)
