"""The stubs that packages are compiled against, held to declarations made from the real headers.

The declarations are the TypeScript of @nativescript/types-ios and types-android, generated from
Apple's and Android's own headers. Apple's names there are Objective-C's; `HEADER` says which of
them each Swift name of a stub is. androidx.test and LiteRT's Java have no such oracle; nor have
Swift's own additions to Core ML.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

SWIFT, JAVA = ROOT / "tests/swift/stubs", ROOT / "tests/kotlin/stubs"
FRAMEWORKS = ("CoreML", "CoreMotion")
NO_HEADER = "an addition in Swift"
HEADER = {
    "CMAcceleration.x": "x: number",
    "CMAcceleration.y": "y: number",
    "CMAcceleration.z": "z: number",
    "CMAccelerometerData.acceleration": "readonly acceleration: CMAcceleration",
    "CMLogItem.timestamp": "readonly timestamp: number",
    "CMMotionManager.accelerometerUpdateInterval": "accelerometerUpdateInterval: number",
    "CMMotionManager.isAccelerometerAvailable": "readonly accelerometerAvailable: boolean",
    "CMMotionManager.startAccelerometerUpdates(to:withHandler:)": (
        "startAccelerometerUpdatesToQueueWithHandler(queue: NSOperationQueue, "
        "handler: (p1: CMAccelerometerData | null, p2: NSError | null) => void): void"
    ),
    "CMMotionManager.stopAccelerometerUpdates()": "stopAccelerometerUpdates(): void",
    "CMRotationRate.x": "x: number",
    "CMRotationRate.y": "y: number",
    "CMRotationRate.z": "z: number",
    "CMDeviceMotion.rotationRate": "readonly rotationRate: CMRotationRate",
    "CMDeviceMotion.gravity": "readonly gravity: CMAcceleration",
    "CMDeviceMotion.userAcceleration": "readonly userAcceleration: CMAcceleration",
    "CMMotionManager.deviceMotionUpdateInterval": "deviceMotionUpdateInterval: number",
    "CMMotionManager.isDeviceMotionAvailable": "readonly deviceMotionAvailable: boolean",
    "CMMotionManager.startDeviceMotionUpdates(to:withHandler:)": (
        "startDeviceMotionUpdatesToQueueWithHandler(queue: NSOperationQueue, "
        "handler: (p1: CMDeviceMotion | null, p2: NSError | null) => void): void"
    ),
    "CMMotionManager.stopDeviceMotionUpdates()": "stopDeviceMotionUpdates(): void",
    "MLDictionaryFeatureProvider.init(dictionary:)": (
        "initWithDictionaryError(dictionary: NSDictionary<string, any>, "
    ),
    "MLDictionaryFeatureProvider.featureValue(for:)": (
        "featureValueForName(featureName: string): MLFeatureValue | null"
    ),
    "MLFeatureProvider.featureValue(for:)": (
        "featureValueForName(featureName: string): MLFeatureValue | null"
    ),
    "MLFeatureDescription.multiArrayConstraint": (
        "readonly multiArrayConstraint: MLMultiArrayConstraint | null"
    ),
    "MLFeatureValue.multiArrayValue": "readonly multiArrayValue: MLMultiArray | null",
    "MLMultiArrayConstraint.dataType": "readonly dataType: MLMultiArrayDataType",
    "MLMultiArrayConstraint.shape": "readonly shape: NSArray<number>",
    "MLShapedArray.init(converting:)": NO_HEADER,
    "MLShapedArray.scalars": NO_HEADER,
    "MLModelDescription.inputDescriptionsByName": (
        "readonly inputDescriptionsByName: NSDictionary<string, MLFeatureDescription>"
    ),
    "MLModelDescription.outputDescriptionsByName": (
        "readonly outputDescriptionsByName: NSDictionary<string, MLFeatureDescription>"
    ),
    "MLFeatureValue.dictionaryValue": "readonly dictionaryValue: NSDictionary<any, number>",
    "MLModel.load(contentsOf:configuration:)": (
        "static loadContentsOfURLConfigurationCompletionHandler(url: NSURL, "
        "configuration: MLModelConfiguration, "
    ),
    "MLModel.modelDescription": "readonly modelDescription: MLModelDescription",
    "MLModel.prediction(from:)": (
        "predictionFromFeaturesError(input: MLFeatureProvider, error?: interop.Reference<NSError>)"
        ": MLFeatureProvider | null"
    ),
    "MLModel.compileModel(at:)": (
        "static compileModelAtURLCompletionHandler(modelURL: NSURL, "
        "handler: (p1: NSURL | null, p2: NSError | null) => void): void"
    ),
    "MLModelConfiguration.computeUnits": "computeUnits: MLComputeUnits",
    "MLModelDescription.metadata": "readonly metadata: NSDictionary<string, any>",
    "MLModelMetadataKey.creatorDefinedKey": "declare var MLModelCreatorDefinedKey: string",
    "MLMultiArray.init(shape:dataType:)": (
        "initWithShapeDataTypeError(shape: NSArray<number> | number[], "
        "dataType: MLMultiArrayDataType, "
    ),
    "MLMultiArray.withUnsafeMutableBufferPointer(ofType:_:)": NO_HEADER,
}


@cache
def declarations(name: str) -> str:
    modules = Path(os.environ.get("EDGECONV_KOTLIN", ROOT / "build/kotlin")) / "node_modules"
    path = modules / "@nativescript" / name
    if not path.exists():
        pytest.skip("no Kotlin compiler, and none of the headers beside it: make kotlin")
    return path.read_text("utf-8")


def apples(framework: str) -> str:
    return declarations(f"types-ios/lib/ios/objc-x86_64/objc!{framework}.d.ts")


def stub(framework: str) -> str:
    """What a stub declares of Apple's; how it behaves is in other files of its folder."""
    return (SWIFT / framework / f"{framework}.swift").read_text("utf-8")


def block(text: str, head: str) -> str:
    """A declaration from the line that `head` finds to the brace that closes it."""
    match = re.search(rf"^([ \t]*)[^\n]*\b{head}\b[^\n]*\{{\n.*?^\1\}}", text, re.DOTALL | re.M)
    return match[0] if match else ""


def members(swift: str) -> dict[str, str]:
    """Each function, initialiser and property that a Swift stub shows: its name with its type's,
    and the type."""
    found = {}
    for kind in re.finditer(
        r"^(?:open|public) (class|struct|protocol) (\w+)[^\n]*\{\n(.*?)^\}", swift, re.M | re.S
    ):
        shown = "" if kind[1] == "protocol" else r"^  (?:open|public) (?:static |class )?"
        for name in re.findall(rf"{shown}\b(?:var|let) (\w+)", kind[3], re.M):
            found[f"{kind[2]}.{name}"] = kind[2]
        for name, words in re.findall(
            rf"{shown}(?:func )?\b(init|(?<=func )\w+)(?:<[^>]*>)?\(((?:[^()]|\([^()]*\))*)\)",
            kind[3],
            re.M,
        ):
            flat = re.sub(r"\([^()]*\)", "", words)  # a closure's own parameters are none
            labels = re.findall(r"(?:^|,)\s*(\w+)(?: \w+)?:", flat)
            found[f"{kind[2]}.{name}({''.join(f'{label}:' for label in labels)})"] = kind[2]
    return found


def unlike_apple(swift: str, header: str) -> list[str]:
    """What a Swift stub declares and the header does not."""
    wrong = []
    for name, kind in members(swift).items():
        wanted = HEADER.get(name, "nothing")
        is_global = wanted.startswith("declare ")
        if wanted not in (header if is_global else block(header, rf"(?:class|interface) {kind}")):
            wrong += [name] * (wanted != NO_HEADER)
    for kind, body in re.findall(r"public enum (\w+)[^\n]*\{\n(.*?)^\}", swift, re.M | re.S):
        values = re.findall(r"(\w+) = (\d+)", block(header, f"enum {kind}"))
        theirs = {name.lower(): value for name, value in values}
        for case, value in re.findall(r"case (\w+) = (\d+)", body):
            wrong += [f"{kind}.{case}"] * (theirs.get(case.lower()) != value)
    return wrong


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_swift_stubs_are_apples_names(framework: str) -> None:
    assert unlike_apple(stub(framework), apples(framework)) == []


def test_every_name_of_the_table_is_in_a_stub() -> None:
    named = [members(stub(name)) for name in FRAMEWORKS]
    assert {name for each in named for name in each} == set(HEADER)


@pytest.mark.parametrize(
    ("framework", "was", "now", "named"),
    [
        ("CoreML", "cpuAndGPU = 1", "cpuAndGPU = 2", "MLComputeUnits.cpuAndGPU"),
        ("CoreML", "var computeUnits", "var units", "MLModelConfiguration.units"),
        ("CoreML", "contentsOf modelURL", "from modelURL", "MLModel.load(from:configuration:)"),
        ("CoreMotion", "var z:", "var w:", "CMAcceleration.w"),
        (
            *("CoreMotion", "to queue: OperationQueue, withHandler", "withHandler"),
            "CMMotionManager.startAccelerometerUpdates(withHandler:)",
        ),
    ],
)
def test_a_stub_that_apple_has_not_is_named(framework: str, was: str, now: str, named: str) -> None:
    text = stub(framework)
    assert was in text
    assert unlike_apple(text.replace(was, now, 1), apples(framework)) == [named]


SIMPLE = {
    **dict.fromkeys(("int", "long", "float", "double"), "number"),
    "String": "string",
    "CharSequence": "string",
    "T": "Object",
}
STUBS = sorted(JAVA.glob("android/**/*.java"))


def plain(kind: str) -> str:
    """A type of either language without package, generics and modifiers."""
    array = "[]" if re.search(r"\[\]|\.\.\.|Array<", kind) else ""
    kind = kind.removesuffix(" | null")
    inner = re.sub(r".*Array<(.*)>", r"\1", kind.strip()).replace("final ", "")
    inner = re.sub(r"<.*>|\[\]|\.\.\.", "", inner).rpartition(".")[2]
    return SIMPLE.get(inner, "Object" if inner == "any" else inner) + array


def androids(qualified: str, text: str) -> str:
    """What Android declares for a class."""
    package, _, name = qualified.rpartition(".")
    for found in re.finditer(
        rf"^(\t*)export (?:abstract )?(?:class|interface) {name}\b", text, re.M
    ):
        body = text[found.start() : text.index(f"\n{found[1]}}}", found.start())]
        if f"Class<{package}.{name}>" in body:
            return body
    return ""


def callables(body: str, typescript: bool) -> set[tuple[str, tuple[str, ...]]]:
    """Methods' names and the types they take."""
    pattern = r"public (?:static )?(\w+)\((.*?)\): " if typescript else r"(\w+)\(([^)]*)\)"
    found = set()
    for name, words in re.findall(pattern, body):
        kinds = [
            plain(word.partition(":")[2] if typescript else word.rpartition(" ")[0])
            for word in re.split(r",\s*(?![^<]*>)", words)
            if word.strip()
        ]
        found.add((name, tuple(kinds)))
    return found


NESTED = re.compile(
    r"^  public (?:static )?(?:final )?(?:class|interface) (\w+)[^{]*\{\n(.*?)^  \}\n", re.M | re.S
)


def unlike_android(java: str, path: Path) -> list[str]:
    """What a Java stub declares and Android does not, with the classes inside it."""
    qualified = ".".join(path.relative_to(JAVA).with_suffix("").parts)
    wrong = unlike_class(NESTED.sub("", java), qualified)
    for nested in NESTED.finditer(java):
        wrong += unlike_class(re.sub("^  ", "", nested[2], flags=re.M), f"{qualified}.{nested[1]}")
    return wrong


def unlike_class(java: str, qualified: str) -> list[str]:
    text = declarations("types-android/lib/android/android-platform-37.d.ts")
    theirs = androids(qualified, text)
    name_of_class = qualified.rpartition(".")[2]
    base = re.search(r" extends (\w+)", java)
    if base:
        imported = re.search(rf"import ([\w.]+\.{base[1]});", java)
        theirs += androids(imported[1] if imported else "", text)
    methods = " ".join(re.findall(r"^  (?:public|protected|void)[^;{=]*\([^)]*\)", java, re.M))
    found = callables(methods, False) - callables(theirs, True)
    found = {each for each in found if each[0] != name_of_class}
    wrong = sorted(name for name, _ in found)
    for name, value in re.findall(
        r"public (?:static )?(?:final )?[\w\[\]]+ (\w+)(?: = ([^;]*))?;", java
    ):
        declared = re.search(rf"public (?:static )?{name}: ([^;]*);", theirs)
        number = value if value.isdigit() else None
        wrong += [name] * (declared is None or (number is not None and declared[1] != number))
    return wrong if theirs else [qualified]


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.stem)
def test_java_stubs_are_androids_names(path: Path) -> None:
    assert unlike_android(path.read_text("utf-8"), path) == []


@pytest.mark.parametrize(
    ("name", "was", "now", "wrong"),
    [
        ("hardware/SensorManager", "int samplingPeriodUs", "String rate", "registerListener"),
        ("hardware/SensorManager", "unregisterListener", "removeListener", "removeListener"),
        (
            "hardware/Sensor",
            "TYPE_ACCELEROMETER = 1",
            "TYPE_ACCELEROMETER = 2",
            "TYPE_ACCELEROMETER",
        ),
        ("hardware/SensorEvent", "long timestamp", "long time", "time"),
        ("content/res/AssetManager", "openFd(String fileName)", "openFd(int id)", "openFd"),
    ],
)
def test_a_stub_that_android_has_not_is_named(name: str, was: str, now: str, wrong: str) -> None:
    path = JAVA / "android" / f"{name}.java"
    text = path.read_text("utf-8")
    assert was in text
    assert unlike_android(text.replace(was, now, 1), path) == [wrong]
