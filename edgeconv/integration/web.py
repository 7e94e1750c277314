"""A page in a browser: a TypeScript package with the TFLite file, and a demo."""

from __future__ import annotations

import json

from edgeconv.core import Artifact
from edgeconv.integration.identifiers import NAMINGS
from edgeconv.integration.model_package import ModelContext, ModelPackage, SharedSources
from edgeconv.integration.platform import Files, Platform
from edgeconv.integration.sensors import SENSORS
from edgeconv.integration.template_context import TemplateContext


def _accepts(artifact: Artifact) -> bool:
    """Float input and outputs: the package passes windows on as they are."""
    tensors = 3 if artifact.embedding else 2
    return [t.dtype for t in (*artifact.inputs, *artifact.outputs)] == ["float32"] * tensors


def _slots(context: TemplateContext) -> dict[str, object]:
    return {"embedding": context.artifact.embedding}


def _model(context: TemplateContext) -> Files:
    path = context.artifact.path
    return {f"model/{path.name}": path.read_bytes()}


_SHARED = SharedSources(
    {
        name: name
        for name in (
            *("tsconfig.json", "package-lock.json", "scripts/copy-wasm.mjs", "test/liteRt.mjs"),
            *("src/liteRt.ts", "src/modelError.ts", "src/proof.ts", "src/selfTest.ts"),
            "src/updates.ts",
        )
    },
    (("sensor-recognition", "model-runner"), ("golden windows", "golden vectors")),
)


def _files(context: ModelContext) -> Files:
    path = context.artifact.path
    return {f"model/{path.name}": path.read_bytes()}


def quoted(text: str) -> str:
    """A JSON string, which is valid TypeScript too."""
    return "".join(
        character if character.isprintable() else json.dumps(character)[1:-1]
        for character in json.dumps(text, ensure_ascii=False)
    )


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
    slots=_slots,
    rotation_unit="deg/s",
    sensors=SENSORS,
    filters={"quoted": quoted},
    vectors="test/stream.json",
    self_test="model/selftest.json",
    check_with="npm ci && npm test",
    model_package=ModelPackage(
        summary="a TypeScript package for LiteRT.js",
        needs="a TFLite file with float or int32 inputs and outputs",
        export="--target tflite",
        naming=NAMINGS["typescript"],
        files=_files,
        shared=_SHARED,
        self_test="model/selftest.json",
        vectors="test/golden.json",
        vocabulary="model/vocabulary.txt",
        check_with="npm ci && npm test",
    ),
)
