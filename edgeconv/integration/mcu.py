"""A microcontroller: the int8 model, and a core in C99 that needs no allocation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgeconv.core import Artifact
from edgeconv.integration.platform import Platform
from edgeconv.integration.smoothing import lowpass
from edgeconv.integration.stream import SensorSettings, StreamSettings
from edgeconv.integration.template_context import TemplateContext
from edgeconv.targets.tflite.reader import read_graph

_WIDTH = 88  # of a row of numbers


def _accepts(artifact: Artifact) -> bool:
    """Integer input and output: otherwise the interpreter would need float kernels."""
    return [t.dtype for t in (*artifact.inputs, *artifact.outputs)] == ["int8", "int8"]


def _slots(context: TemplateContext) -> Mapping[str, Any]:
    filters = context.document["filters"]
    content = context.artifact.path.read_bytes()
    return {
        "taps": lowpass(context.stream.oversampling),
        "taps_max": max(context.stream.tap_count, *(len(f["taps"]) for f in filters)),
        "spacing_ns": context.stream.spacing_ns,
        "vectors": context.document,
        "filters": {f["sensor_hz"]: _filter(i, f, context) for i, f in enumerate(filters)},
        "file": content,
        "file_bytes": f"{len(content):,}",
        "state_bytes": f"{state_bytes(context):,}",
        "operations": operations(context.artifact),
        "arena_bytes": context.arena_bytes,
    }


def _filter(index: int, document: Mapping[str, Any], context: TemplateContext) -> dict[str, Any]:
    signal = context.signal
    sensor = SensorSettings(hz=document["sensor_hz"])
    settings = StreamSettings(signal.rate_hz, signal.window, signal.step, (sensor,))
    return {
        "index": index,
        "tap_count": len(document["taps"]),
        "oversampling": settings.oversampling,
        "spacing_ns": settings.spacing_ns,
        "max_gap_ns": sensor.max_gap_ns,
        "closest_ns": sensor.closest_ns,
    }


def state_bytes(context: TemplateContext) -> int:
    """Approximate size of `edgeconv_stream` on a 32-bit device: arrays and some hundred bytes."""
    signal = context.signal
    floats = context.stream.tap_count * len(signal.channels) + 2 * signal.flat_size
    return 4 * floats + 200


_METHODS = {"CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "MAX_POOL_2D": "MaxPool2D"}
_METHODS |= {"AVERAGE_POOL_2D": "AveragePool2D"}


def operations(artifact: Artifact) -> list[str]:
    """The resolver's names of the file's operations: FULLY_CONNECTED is FullyConnected."""
    kinds = sorted({op.kind for op in read_graph(artifact.path).ops})
    return [_METHODS.get(k, "".join(word.capitalize() for word in k.split("_"))) for k in kinds]


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


def _rows(values: Sequence[float | None]) -> str:
    return _wrapped([_value(value) for value in values])


def _bytes(content: bytes) -> str:
    return _wrapped([f"0x{byte:02x}" for byte in content])


def _wrapped(words: Sequence[str]) -> str:
    """Words with commas, in lines of the usual width."""
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > _WIDTH:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([*lines, line])


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


def _comment(text: str) -> str:
    """Text that cannot end a comment."""
    return text.replace("*/", "* /").replace("\n", " ")


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
        "byte_rows": _bytes,
        "sample_rows": _samples,
        "quoted": _quoted,
        "comment": _comment,
    },
    check_with="make test",
    vectors="test/stream.json",
    measures_arena=True,
)
