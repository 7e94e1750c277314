"""An Android phone: a Kotlin library with the TFLite file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeconv.core import Artifact, SensorKind
from edgeconv.integration.identifiers import NAMINGS
from edgeconv.integration.model_package import ModelContext, ModelPackage, SharedSources
from edgeconv.integration.platform import Files, Platform
from edgeconv.integration.sensors import SENSORS, constant_name
from edgeconv.integration.template_context import TemplateContext

_ASSETS = "recognition/src/main/assets/com.edgeconv.recognition"
_MODEL_ASSETS = "model/src/main/assets/com.edgeconv.model"
"""Folders of their own: the assets of all libraries of an app come together in one place."""


def _accepts(artifact: Artifact) -> bool:
    """Float input and output: the library passes windows on as they are."""
    return {t.dtype for t in (*artifact.inputs, *artifact.outputs)} == {"float32"}


def _model(context: TemplateContext) -> Files:
    path = context.artifact.path
    return {f"{_ASSETS}/{path.name}": path.read_bytes()}


_HOME, _MODEL_HOME = "recognition/src/main/kotlin/com/edgeconv/recognition", "model/src/main"
_SHARED = SharedSources(
    {
        ".editorconfig": ".editorconfig",
        "recognition/consumer-rules.pro": "model/consumer-rules.pro",
        **{
            f"{_HOME}/{name}": f"{_MODEL_HOME}/kotlin/com/edgeconv/model/{name.partition('/')[2]}"
            for name in (
                *("model/ModelFile.kt", "model/ModelKeeper.kt", "model/SelfTest.kt"),
                *("model/UnitTester.kt", "model/Updates.kt", "phone/LiteRt.kt", "phone/Models.kt"),
            )
        },
    },
    (
        ("^import com\\.edgeconv\\.recognition\\.\\w+\\.\\w+\n", ""),
        ("com\\.edgeconv\\.recognition(\\.(model|phone|stream))?", "com.edgeconv.model"),
        ("RecognitionException", "ModelException"),
        ("MODEL_FAILED", "FAILED"),
        ("Classifier", "ModelRunner"),
        ("golden window", "golden vector"),
        ("Golden window", "Golden vector"),
        ("decision", "prediction"),
        ("takes other windows", "takes other values"),
        ("takes the windows that this library makes", "is the one of this library's contract"),
    ),
)


def _files(context: ModelContext) -> Files:
    path = context.artifact.path
    return {f"{_MODEL_ASSETS}/{path.name}": path.read_bytes()}


def _slots(context: TemplateContext) -> Mapping[str, Any]:
    """Android has no feature for what it makes of other sensors."""
    features = (SensorKind.ACCELEROMETER, SensorKind.GYROSCOPE)
    return {
        "features": [kind for kind in context.plan.kinds if kind in features],
        "embedding": context.signal.embedding,
    }


def quoted(text: str) -> str:
    """A Kotlin string; a `$` in it does not begin a template."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\$':
        return f"\\{character}"
    if character.isprintable():
        return character
    utf16 = character.encode("utf-16-be").hex()
    return "".join(f"\\u{utf16[i : i + 4]}" for i in range(0, len(utf16), 4))


PLATFORM = Platform(
    name="android",
    summary="a Kotlin library for LiteRT and SensorManager",
    target="tflite",
    accepts=_accepts,
    needs="a TFLite file with float input and output",
    prefers=("int8", "dynamic", "float16", "float32"),
    export="--target tflite --quantize int8",
    source_unit="m/s^2",
    source_sign="android",
    sensor_hz=50.0,
    fastest_hz=200.0,
    model=_model,
    slots=_slots,
    sensors=SENSORS,
    filters={"quoted": quoted, "constant": constant_name},
    vectors="recognition/src/test/resources/stream.json",
    self_test=f"{_ASSETS}/selftest.json",
    check_with="./gradlew :recognition:testDebugUnitTest, in an app that includes it",
    model_package=ModelPackage(
        summary="a Kotlin library for LiteRT",
        needs="a TFLite file with float or int32 inputs and outputs",
        export="--target tflite",
        naming=NAMINGS["kotlin"],
        files=_files,
        shared=_SHARED,
        self_test=f"{_MODEL_ASSETS}/selftest.json",
        vectors="model/src/test/resources/golden.json",
        vocabulary="model/src/main/resources/com/edgeconv/model/vocabulary.txt",
        check_with="./gradlew :model:testDebugUnitTest, in an app that includes it",
    ),
)
