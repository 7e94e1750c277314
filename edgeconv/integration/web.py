"""A page in a browser: a TypeScript package with the TFLite file, and a demo."""

from __future__ import annotations

import json

from edgeconv.core import Artifact
from edgeconv.integration.platform import Files, Platform
from edgeconv.integration.template_context import TemplateContext


def _accepts(artifact: Artifact) -> bool:
    """Float input and output: the package passes windows on as they are."""
    return [t.dtype for t in (*artifact.inputs, *artifact.outputs)] == ["float32", "float32"]


def _model(context: TemplateContext) -> Files:
    path = context.artifact.path
    return {f"model/{path.name}": path.read_bytes()}


def quoted(text: str) -> str:
    """A JSON string, which is valid TypeScript too."""
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\u2028")


PLATFORM = Platform(
    name="web",
    summary="a TypeScript package for LiteRT.js, and a demo page",
    target="tflite",
    accepts=_accepts,
    needs="a TFLite file with float input and output",
    prefers=("int8", "float32", "dynamic", "float16"),
    export="--target tflite --quantize int8",
    source_unit="m/s^2",
    source_sign="android",
    sensor_hz=60.0,  # once a frame: what browsers deliver
    fastest_hz=60.0,
    model=_model,
    filters={"quoted": quoted},
    vectors="test/stream.json",
    check_with="npm ci && npm test",
)
