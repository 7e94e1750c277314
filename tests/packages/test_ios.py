"""The Swift packages of real bundles: compiled, formatted, tested, and their tests tested.

Two builds serve all of it. One holds the package of an accelerometer's model, that of a model of
named tensors and the sample app, with stub modules in place of Apple's that deliver, fail and are
released: what is under `canImport` is run, too. The other is the package of nine channels as it is
on Linux. In both, each mutation is an expression behind a switch, so that none needs a build.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgeconv.bundle import signature
from edgeconv.integration.template_context import AppOptions
from edgeconv.integration.updates import UpdateManifest, contract_sha256, describe_files
from edgeconv.workflows.golden import check_device_outputs
from edgeconv.workflows.integrate import integrate
from tests.conftest import ROOT
from tests.packages.conftest import Tool

pytestmark = pytest.mark.heavy

_CORE, _ADAPTER, _RUNNER = (
    f"Sources/{name}" for name in ("SensorStreaming", "SensorRecognition", "ModelPrediction")
)
_STREAM, _TRACK = f"{_CORE}/SensorStream.swift", f"{_CORE}/Track.swift"
_MONITOR, _PERSONAL = f"{_CORE}/SensorMonitor.swift", f"{_ADAPTER}/PersonalLayer.swift"
_SENSORS, _COREML, _RECOGNIZER, _SELF_TEST, _RECORD, _UPDATES, _PROVEN = (
    f"{_ADAPTER}/{name}.swift"
    for name in (
        *("Sensors", "CoreMLEngine", "Recognizer", "SelfTest", "SelfTestRecord", "Updates"),
        "ProvenModel",
    )
)


@dataclass(frozen=True)
class Mutation:
    """A right expression and a wrong one, in every place that looks like `context`."""

    name: str
    file: str
    right: str
    wrong: str
    context: str = "§"

    def switch(self, package: Path) -> None:
        """Put both into the source; the environment chooses when a test runs."""
        path = package / self.file
        source, place = path.read_text("utf-8"), self.context.replace("§", self.right)
        assert place in source, f"{self.name}: '{place}' is not there"
        both = f'(mutation("{self.name}") ? ({self.wrong}) : ({self.right}))'
        path.write_text(source.replace(place, self.context.replace("§", both)), "utf-8")
        (path.parent / "Mutation.swift").write_text(_SWITCH, "utf-8")


MUTATIONS = (
    Mutation("the sign is lost", _TRACK, "sample.values * factor", "sample.values * abs(factor)"),
    Mutation(
        "a gap restarts nothing", _STREAM, "restart()", "()", "counts.clockResets += 1 }\n      §"
    ),
    Mutation("the filter is skipped", _STREAM, "centre + sum", "centre + 0 * sum"),
    Mutation(
        "the hysteresis is forgotten", f"{_CORE}/Decider.swift", "lead > hysteresis", "lead > 0"
    ),
    Mutation(
        "a late stop ends another reading",
        _SENSORS,
        "Self.current[ObjectIdentifier(manager)] === self",
        "true",
    ),
    Mutation("sensors are never stopped", _SENSORS, "self.stop()", "()"),
    Mutation(
        "an error of the sensors is lost",
        _SENSORS,
        "isDenied ? .denied : RecognitionError.sensorFailed(error.localizedDescription)",
        "nil",
    ),
    Mutation("another rate is asked for", _SENSORS, "1 / sensor.sensorHz", "1 / 50.0"),
    Mutation("the model is compiled at each start", _COREML, "place.path", '""'),
    Mutation("the GPU is used", _COREML, ".cpuOnly", ".all", "case .cpuOnly: §"),
    Mutation("what is no number decides", _RECOGNIZER, "outputs.allSatisfy(\\.isFinite)", "true"),
    Mutation(
        "a window of before the restart decides",
        _RECOGNIZER,
        "window.segment == stream.segment",
        "true",
    ),
    Mutation("the background is used", _RECOGNIZER, "listening.contains(state)", "true"),
    Mutation(
        "an unsure class is shown",
        f"{_CORE}/Decider.swift",
        "probabilities[candidate] < unsureBelow",
        "false",
    ),
    Mutation("slow is not told", _MONITOR, "$0 < Self.slowBelow * asked", "false"),
    Mutation(
        "a pause of 1 to 2 s has no word",
        _MONITOR,
        "max(SensorMonitor.patience, silence)",
        "silence",
    ),
    Mutation("silence is not told", _MONITOR, "time - since >= patience", "false"),
    Mutation("no window is spared", f"{_CORE}/EnergySaver.swift", "calm <= after", "true"),
    Mutation("the tolerance is forgotten", _SELF_TEST, "largest <= tolerance", "true"),
    Mutation("infinity passes", _SELF_TEST, "row.allSatisfy(\\.isFinite)", "true"),
    Mutation(
        "units are tested again", _SELF_TEST, "record.isDue(unit, fallback: units[0])", "true"
    ),
    Mutation(
        "errors without end", _RECORD, "unit == fallback || before.errors < Self.mostErrors", "true"
    ),
    Mutation("an error is final", _RECORD, "before.status == .error", "before.unit.isEmpty"),
    Mutation("another app tests nothing", _SELF_TEST, "before?.key == key", "before != nil"),
    Mutation(
        "a little faster is enough",
        _SELF_TEST,
        "gain > max(margin * fallback, leastGain)",
        "gain > 0",
    ),
    Mutation("every signature will do", _UPDATES, "isSigned(content, signature)", "true"),
    Mutation("a replay is taken", _UPDATES, "manifest.version <= floor", "false"),
    Mutation("damage is taken", _UPDATES, "Self.sha256(content) == entry.sha256", "true"),
    Mutation("any path is taken", _UPDATES, "paths.allSatisfy(Self.isSafe)", "true"),
    Mutation(
        "a layer without gain is used",
        _PERSONAL,
        "Self.mean(personal) > Self.mean(alone) + Self.equal",
        "true",
    ),
    Mutation("any change is made", _PERSONAL, "fitted.mistaken[before][after]", "true"),
    Mutation(
        "prototypes are sums",
        _PERSONAL,
        "values.reduce(0, +) / Double(values.count)",
        "values.reduce(0, +)",
    ),
    Mutation(
        "another model's layer is read", _PERSONAL, "file.modelSha256 == model.sha256", "true"
    ),
    Mutation(
        "units that fail are used",
        _PROVEN,
        "record.passing(units)",
        "units",
        "record.chosen = nil\n    let passing = §",
    ),
    Mutation(
        "what cannot be opened now is lost",
        _PROVEN,
        "units.contains { record.result(of: $0)?.status == .failed }",
        "true",
    ),
    Mutation(
        "a stolen key blocks for good",
        _PROVEN,
        "(state.publicKey ?? Contract.updateKey) == Contract.updateKey",
        "true",
    ),
    Mutation(
        "a damaged state has no floor",
        _PROVEN,
        "try? JSONDecoder().decode(Installed.self, from: data)",
        "(try? JSONDecoder().decode(Installed.self, from: data)) ?? Installed(floor: 0)",
    ),
)
OF_SEVERAL = (
    Mutation("the scale is lost", _TRACK, "sample.values * factor", "sample.values / factor"),
    Mutation(
        "axes change places",
        _STREAM,
        "step[source.sensor][source.axis]",
        "step[source.sensor][2 - source.axis]",
    ),
    Mutation(
        "a step too many between windows",
        _STREAM,
        "beyond % settings.step == 0",
        "beyond % (settings.step + 1) == 0",
    ),
    Mutation("silence is not noticed", _STREAM, "elapsed > silence", "elapsed < 0"),
    Mutation("the grid begins too early", _STREAM, "newest.max()", "newest.min()"),
    Mutation("gravity does not settle", f"{_CORE}/Gravity.swift", "left > 0", "left > 999"),
)
OF_TENSORS = (
    Mutation("limits are forgotten", f"{_RUNNER}/Tensor.swift", "!limits.contains($0)", "false"),
    Mutation("the least class wins", f"{_RUNNER}/Tensor.swift", "values.max()", "values.min()"),
    Mutation(
        "a long text's beginning is kept",
        f"{_RUNNER}/Tokenizer.swift",
        "found.suffix(Self.length)",
        "found.prefix(Self.length)",
    ),
)
_SWITCH = """import Foundation

private let chosen = ProcessInfo.processInfo.environment["MUTATION"]

/// Whether a test runs with this mutation.
func mutation(_ name: String) -> Bool { chosen == name }
"""
_TESTS = """
swift build --build-tests -Xswiftc -warnings-as-errors > build.log 2>&1 ||
  { grep -E "error|warning" build.log; exit 1; }
tests=$(echo .build/debug/*PackageTests.xctest)
export GOLDEN_RESULTS=results.json SELF_TEST_RECORD=record.json
"$tests" > right.log 2>&1 || { cat right.log; exit 1; }
unset GOLDEN_RESULTS SELF_TEST_RECORD
echo "BUILT $(grep "Executed" right.log | tail -1)"
while read -r name; do
  # The first failure ends the run.
  { MUTATION=$name timeout 90 stdbuf -oL "$tests" || echo "ended with $?"; } 2>&1 \\
    | grep -q "error:\\|ended with 124" && echo "NOTICED $name"  # 124: a test waits for ever
done < mutations.txt
[ ! -e results.json ] || { echo "RESULTS"; cat results.json; echo; cat record.json; }
"""


@dataclass(frozen=True)
class Outcome:
    """What the tests of a build said."""

    right: str
    noticed: tuple[str, ...]
    results: tuple[str, ...]


def _run_tests(swift: Tool, folder: Path, mutations: Sequence[Mutation]) -> Outcome:
    """Build once, run the tests, and run them again with each mutation."""
    (folder / "mutations.txt").write_text("".join(f"{m.name}\n" for m in mutations), "utf-8")
    done = swift(folder, "bash", "-uc", _TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    report, _, results = done.stdout.partition("RESULTS\n")
    lines = report.splitlines()
    noticed = tuple(line.partition(" ")[2] for line in lines if line.startswith("NOTICED "))
    return Outcome(lines[0], noticed, tuple(results.splitlines()))


@pytest.fixture(scope="module")
def package(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of an accelerometer's model, which takes updates; they lie beside it."""
    return write_package(bundle, tmp_path_factory.mktemp("ios"))


def write_package(bundle: Path, folder: Path) -> Path:
    signature.new_keys(folder / "release.pem")
    key = signature.read_public(folder / "release.pub")
    out = folder / "SensorRecognition"
    integrate("ios", bundle, out, app=AppOptions(update_key=signature.embedded_key(key)))
    _write_updates(out, folder)
    return out


def _write_updates(package: Path, folder: Path) -> None:
    """Signed updates with the package's own model: as they must be, and in every wrong way."""
    resources = package / _ADAPTER / "Resources"
    test = (resources / "selftest.json").read_bytes()
    stream = json.loads(
        (package / "Tests/SensorRecognitionTests/Resources/stream.json").read_text()
    )
    (model,) = resources.glob("*.mlpackage")
    files = {
        **{
            p.relative_to(resources).as_posix(): p.read_bytes()
            for p in model.rglob("*")
            if p.is_file()
        },
        "selftest.json": test,
    }
    artifact = json.loads(test)["artifact"]
    key = signature.read_private(folder / "release.pem")
    signature.new_keys(folder / "other.pem")
    other = signature.read_private(folder / "other.pem")
    corrupted = {path: content[:-1] + b"?" for path, content in files.items()}
    for name, version, contents, by in (
        ("right", 3, files, key),
        ("lower", 2, files, key),
        ("corrupted", 3, {**corrupted, "selftest.json": test}, key),
        ("unsigned", 3, files, other),
    ):
        manifest = UpdateManifest(
            name="model",
            version=version,
            min_app_version="1.0",
            contract_sha256=contract_sha256(stream["contract"]),
            artifact=artifact["name"],
            artifact_sha256=artifact["sha256"],
            self_test="selftest.json",
            files=describe_files(files),
        ).to_bytes()
        update = {**contents, "update.json": manifest}
        update["update.sig"] = signature.sign(manifest, by).encode()
        for path, content in update.items():
            place = folder / "updates" / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


@pytest.fixture(scope="module")
def nine(nine_channels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a model with nine channels."""
    out = tmp_path_factory.mktemp("ios-nine") / "SensorRecognition"
    integrate("ios", nine_channels, out)
    return out


@pytest.fixture(scope="module")
def model_package(model_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The typed runner of a model with hostile names."""
    out = tmp_path_factory.mktemp("ios-model") / "ModelPrediction"
    integrate("ios", model_bundle, out)
    return out


@pytest.fixture(scope="module")
def adapters(
    package: Path, model_package: Path, swift: Tool, tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """Both packages and the sample app, on stub modules."""
    folder = tmp_path_factory.mktemp("ios-adapters")
    lay_out(folder, package, model_package)
    for mutation in MUTATIONS:
        mutation.switch(folder / "package")
    for mutation in OF_TENSORS:
        mutation.switch(folder / "model")
    return _run_tests(swift, folder, (*MUTATIONS, *OF_TENSORS))


def lay_out(folder: Path, package: Path, model_package: Path) -> None:
    """The folders of tests/swift/adapters/Package.swift."""
    shutil.copytree(ROOT / "tests/swift/adapters", folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "tests/swift/stubs", folder / "stubs")
    shutil.copytree(package, folder / "package")
    shutil.copytree(package.parent / "updates", folder / "updates")
    shutil.copytree(model_package, folder / "model")
    (folder / "app").mkdir()
    shutil.copy(ROOT / "samples/ios/ActivitySample.swiftpm/LiveActivity.swift", folder / "app")
    for model in folder.glob("*/Sources/*/Resources/*.mlpackage"):  # as Xcode does
        model.rename(model.with_suffix(".mlmodelc"))
    # What a bundle with a file for Core AI adds; the stub opens any.
    resources = folder / "package" / _ADAPTER / "Resources"
    (model,) = resources.glob("*.mlmodelc")
    model.with_suffix(".aimodel").mkdir()
    shutil.copy(resources / "selftest.json", resources / "selftest-coreai.json")


@pytest.fixture(scope="module")
def of_nine(nine: Path, swift: Tool, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The package of nine channels with its own manifest, without Apple's modules."""
    folder = tmp_path_factory.mktemp("ios-mutated")
    shutil.copytree(nine, folder, dirs_exist_ok=True)
    for mutation in OF_SEVERAL:
        mutation.switch(folder)
    return _run_tests(swift, folder, OF_SEVERAL)


def test_tests_and_adapters_pass_without_a_warning(adapters: Outcome) -> None:
    assert "with 0 failures" in adapters.right
    assert int(adapters.right.split()[2]) >= 60, adapters.right


def test_they_notice_wrong_sources(adapters: Outcome) -> None:
    assert adapters.noticed == tuple(m.name for m in (*MUTATIONS, *OF_TENSORS))


def test_golden_check_judges_what_a_models_tests_wrote(
    adapters: Outcome, model_bundle: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results.json"
    results.write_text(adapters.results[0], "utf-8")
    (result,) = check_device_outputs(model_bundle, results)
    assert result.status == "passed", result.reason


def test_golden_check_judges_the_record_of_a_self_test(
    adapters: Outcome, bundle: Path, tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    record.write_text(adapters.results[1], "utf-8")
    results = check_device_outputs(bundle, record)
    assert [result.status for result in results] == ["passed", "passed"]


def test_nine_channels_pass_without_apples_modules(of_nine: Outcome) -> None:
    assert "with 0 failures" in of_nine.right


def test_nine_channels_notice_wrong_sources(of_nine: Outcome) -> None:
    assert of_nine.noticed == tuple(m.name for m in OF_SEVERAL)


def test_sources_are_formatted_and_manifests_are_read(
    package: Path, nine: Path, model_package: Path, swift: Tool, tmp_path: Path
) -> None:
    for name, folder in (("package", package), ("nine", nine), ("model", model_package)):
        shutil.copytree(folder, tmp_path / name)
    shutil.copytree(ROOT / "samples/ios/ActivitySample.swiftpm", tmp_path / "app")
    shutil.copytree(ROOT / "tests/swift", tmp_path / "swift")
    done = swift(tmp_path, "bash", "-euc", _READ)
    assert done.returncode == 0, done.stdout + done.stderr


_READ = """
/usr/libexec/swift/bin/swift-format lint --strict --recursive .
swiftc -frontend -parse app/*.swift
for folder in package model; do swift package --package-path $folder dump-package > /dev/null; done
"""
