"""An iPhone: a Swift package with the Core ML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeconv.core import InputConvention
from edgeconv.integration.identifiers import NAMINGS
from edgeconv.integration.model_package import (
    ModelContext,
    ModelPackage,
    SharedSources,
    write_vectors,
)
from edgeconv.integration.platform import Files, Platform
from edgeconv.integration.sensors import SENSORS
from edgeconv.integration.template_context import TemplateContext
from edgeconv.integration.vectors import write_document

_OLDEST = 16  # the first iOS with asynchronous compilation of a model
_RESOURCES = "Sources/SensorRecognition/Resources"


_MODEL_RESOURCES = "Sources/ModelPrediction/Resources"

_SHARED = SharedSources(
    {
        f"Sources/SensorRecognition/{name}": f"Sources/ModelPrediction/{name}"
        for name in (
            *("ComputeUnits.swift", "Log.swift", "ModelFile.swift", "PackagedModel.swift"),
            *("ProvenModel.swift", "SelfTest.swift", "SelfTestRecord.swift", "Updates.swift"),
            "Resources/PrivacyInfo.xcprivacy",
        )
    },
    (
        ("^ *import SensorStreaming\n", ""),
        ("RecognitionError", "ModelError"),
        ("Classifier", "ModelRunner"),
        ("classifier", "runner"),
        ("classifies", "predicts"),
        ("golden window", "golden vector"),
        ("Golden window", "Golden vector"),
        ("decision", "prediction"),
    ),
)


def _model(context: TemplateContext | ModelContext, folder: str = _RESOURCES) -> Files:
    """The Core ML file, and Core AI's under the same name with its own self-test."""
    files = _package(context.artifact.path, folder)
    if context.companion is None:
        return files
    path, test = context.companion.artifact.path, context.companion.self_test
    name = context.artifact.path.with_suffix(path.suffix).name
    is_named = isinstance(context, ModelContext)
    text = write_vectors(test) if is_named else write_document(test).encode()
    return {**files, **_package(path, folder, name), f"{folder}/selftest-coreai.json": text}


def _package(root: Path, folder: str, name: str = "") -> Files:
    """The files of an `.mlpackage` or `.aimodel` in a folder of the Swift package."""
    return {
        f"{folder}/{name or root.name}/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _slots(context: TemplateContext | ModelContext) -> Mapping[str, Any]:
    requested = context.artifact.export.deployment_target.removeprefix("iOS")
    ios = max(_OLDEST, int(requested or 0))
    # Apple numbers its systems alike from 26 on; before, macOS was 3 behind and watchOS 7.
    return {
        "ios": ios,
        "macos": ios if ios >= 26 else ios - 3,
        "watchos": ios if ios >= 26 else ios - 7,
    }


def camel(kind: str) -> str:
    """A kind of sensor as Swift writes a case: linearAcceleration."""
    first, *rest = kind.split("-")
    return first + "".join(map(str.capitalize, rest))


def quoted(text: str) -> str:
    """A Swift string."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


PLATFORM = Platform(
    name="ios",
    summary="a Swift package for Core ML and Core Motion",
    target="coreml",
    accepts=lambda artifact: artifact.signal.sensor is InputConvention.IOS,
    needs="a Core ML file for the readings of the iPhone's sensor",
    prefers=("float16", "w8a8", "int8", "palette8", "palette6", "palette4", "float32"),
    export="--target coreml --quantize float16",
    source_unit="g",
    source_sign="ios",
    sensor_hz=50.0,
    fastest_hz=100.0,
    model=_model,
    slots=_slots,
    sensors=SENSORS,
    filters={"quoted": quoted, "camel": camel},
    vectors="Tests/SensorRecognitionTests/Resources/stream.json",
    self_test=f"{_RESOURCES}/selftest.json",
    companion="coreai",
    check_with="swift test",
    model_package=ModelPackage(
        summary="a Swift package for Core ML",
        needs="a Core ML file with float or int32 inputs and outputs",
        export="--target coreml",
        naming=NAMINGS["swift"],
        files=lambda context: _model(context, _MODEL_RESOURCES),
        slots=_slots,
        shared=_SHARED,
        vectors="Tests/ModelPredictionTests/Resources/golden.json",
        self_test=f"{_MODEL_RESOURCES}/selftest.json",
        vocabulary=f"{_MODEL_RESOURCES}/vocabulary.txt",
        check_with="swift test",
    ),
)
