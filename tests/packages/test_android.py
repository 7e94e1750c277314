"""The Kotlin library of a real bundle: compiled, linted, tested, and its tests tested."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from edgeconv.workflows.golden import check_device_outputs
from edgeconv.workflows.integrate import integrate
from tests.conftest import ROOT
from tests.packages.conftest import Kotlin
from tests.packages.mutation import Mutation

pytestmark = pytest.mark.heavy

_MAIN, _TEST = "recognition/src/main/kotlin", "recognition/src/test/kotlin"
_ON_PHONE = "recognition/src/androidTest/kotlin"
_PACKAGE = "com.edgeconv.recognition"
_TESTS = ("SensorStreamTest", "DeciderTest", "RecognizerTest")
_MODEL_TESTS = [
    f"com.edgeconv.model.{name}" for name in ("ModelRunnerTest", "PredictionTest", "TokenizerTest")
]
_CORE = f"{_MAIN}/com/edgeconv/recognition/stream"
_STREAM, _TRACK = f"{_CORE}/SensorStream.kt", f"{_CORE}/Track.kt"
MUTATIONS = (
    Mutation("the sign is lost", _TRACK, "x * settings.factor", "-x * settings.factor"),
    Mutation(
        "a gap restarts nothing",
        _STREAM,
        "if (time > last) gaps++ else clockResets++\n                restart()",
        "if (time > last) gaps++ else clockResets++",
    ),
    Mutation("the filter is skipped", _STREAM, "centre + sum", "centre"),
    Mutation("the hysteresis is forgotten", f"{_CORE}/Decider.kt", "lead > hysteresis", "lead > 0"),
)
OF_SEVERAL = (
    Mutation("the scale is lost", _TRACK, "z * settings.factor", "z"),
    Mutation("axes change places", _TRACK, "recent[held][1] = y", "recent[held][1] = x"),
    Mutation(
        "a step too many between windows",
        _STREAM,
        "beyond % settings.step == 0",
        "beyond % (settings.step + 1) == 0",
    ),
    Mutation("silence is not noticed", _STREAM, "difference > settings.silence", "time == 0L"),
    Mutation("one sensor is enough", _STREAM, "tracks.all { it.next", "tracks.any { it.next"),
    Mutation(
        "gravity settles once only",
        f"{_CORE}/Gravity.kt",
        "left = settling\n        begun",
        "begun",
    ),
)


_MODEL = "model/src/main/kotlin/com/edgeconv/model"
MODEL_MUTATIONS = (
    Mutation(
        "limits are forgotten",
        f"{_MODEL}/Tensor.kt",
        "{ it !in limits }",
        "{ it in IntRange.EMPTY }",
    ),
    Mutation("the least class wins", f"{_MODEL}/Tensor.kt", ".maxBy {", ".minBy {"),
)


@pytest.fixture(scope="module")
def package(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("android") / "package"
    integrate("android", bundle, out)
    return out


@pytest.fixture(scope="module")
def nine(nine_channels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of a model with nine channels."""
    out = tmp_path_factory.mktemp("android-nine") / "package"
    integrate("android", nine_channels, out)
    return out


@pytest.fixture(scope="module")
def stubs(kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classes in the place of Android's and LiteRT's, so that the adapters are compiled."""
    out = tmp_path_factory.mktemp("stubs")
    sources = map(str, sorted((ROOT / "tests/kotlin/stubs").rglob("*.java")))
    words = ("javac", "-Xlint:all", "-Werror", "-cp", kotlin.libraries, "-d", str(out), *sources)
    subprocess.run(words, check=True)
    return out


@pytest.fixture(scope="module")
def compiled(
    package: Path, stubs: Path, kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Classes of the library and of its tests."""
    return _compile(package, stubs, kotlin, tmp_path_factory.mktemp("classes"))


@pytest.fixture(scope="module")
def compiled_nine(
    nine: Path, stubs: Path, kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    return _compile(nine, stubs, kotlin, tmp_path_factory.mktemp("classes-nine"))


def _compile(package: Path, stubs: Path, kotlin: Kotlin, out: Path) -> tuple[Path, Path]:
    main, test = out / "main", out / "test"
    kotlin.compile([package / _MAIN], main, stubs)
    kotlin.compile([package / _TEST, package / _ON_PHONE], test, stubs, friend=main)
    return main, test


@pytest.mark.parametrize("names", [("package", "compiled"), ("nine", "compiled_nine")])
def test_its_own_tests_pass(
    names: tuple[str, str], stubs: Path, kotlin: Kotlin, request: pytest.FixtureRequest
) -> None:
    package, classes = map(request.getfixturevalue, names)
    done = kotlin.junit(_names(), stubs, *classes, package / "recognition/src/test/resources")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK (8 tests)" in done.stdout


@pytest.mark.parametrize("mutation", [*MUTATIONS, *OF_SEVERAL], ids=lambda m: m.name)
def test_its_tests_notice_a_wrong_core(
    mutation: Mutation,
    stubs: Path,
    kotlin: Kotlin,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    names = ("nine", "compiled_nine") if mutation in OF_SEVERAL else ("package", "compiled")
    package, (_, test) = map(request.getfixturevalue, names)
    with mutation.applied(package):
        kotlin.compile([package / _MAIN], tmp_path, stubs)
    done = kotlin.junit(_names(), stubs, tmp_path, test, package / "recognition/src/test/resources")
    assert done.returncode != 0
    assert "Tests run: 8" in done.stdout, done.stdout + done.stderr


@pytest.fixture(scope="module")
def model_package(model_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The typed runner of a model with hostile names."""
    out = tmp_path_factory.mktemp("android-model") / "package"
    integrate("android", model_bundle, out)
    return out


@pytest.fixture(scope="module")
def model_classes(
    model_package: Path, stubs: Path, kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ...]:
    """Classes of the runner's tests, and what lies beside them: vectors and the vocabulary."""
    out = tmp_path_factory.mktemp("model-classes")
    source = model_package / "model/src"
    kotlin.compile([source / "main/kotlin"], out / "main", stubs)
    tests = [source / "test/kotlin", source / "androidTest/kotlin"]
    kotlin.compile(tests, out / "test", stubs, friend=out / "main")
    return out / "main", out / "test", source / "test/resources", source / "main/resources"


def test_a_models_package_passes_its_own_tests(
    model_bundle: Path,
    model_package: Path,
    model_classes: tuple[Path, ...],
    stubs: Path,
    kotlin: Kotlin,
    tmp_path: Path,
) -> None:
    results = tmp_path / "results.json"
    option = f"-Dgolden.results={results}"
    done = kotlin.junit(_MODEL_TESTS, stubs, *model_classes, options=[option])
    assert "OK (7 tests)" in done.stdout, done.stdout + done.stderr
    (result,) = check_device_outputs(model_bundle, results)
    assert result.status == "passed", result.reason
    lint = kotlin.lint(model_package)
    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_a_models_tests_notice_a_wrong_runner(
    model_package: Path,
    model_classes: tuple[Path, ...],
    stubs: Path,
    kotlin: Kotlin,
    tmp_path: Path,
) -> None:
    """Compiled once for all mutations, each of which fails a test of its own."""
    with ExitStack() as stack:
        for mutation in MODEL_MUTATIONS:
            stack.enter_context(mutation.applied(model_package))
        kotlin.compile([model_package / "model/src/main/kotlin"], tmp_path, stubs)
    done = kotlin.junit(_MODEL_TESTS, stubs, tmp_path, *model_classes[1:])
    assert f"Failures: {len(MODEL_MUTATIONS)}" in done.stdout, done.stdout + done.stderr


def test_it_and_the_sample_app_are_linted(
    package: Path, nine: Path, kotlin: Kotlin, tmp_path: Path
) -> None:
    shutil.copytree(package, tmp_path / "package")
    shutil.copytree(nine, tmp_path / "nine")
    shutil.copytree(ROOT / "samples/android", tmp_path / "app")
    shutil.copy(package / ".editorconfig", tmp_path)
    done = kotlin.lint(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "app" / "Bad.kt").write_text("package bad\n\nfun  f( ) = 1\n")
    assert kotlin.lint(tmp_path).returncode != 0


def test_the_sample_app_compiles(
    compiled: tuple[Path, Path], stubs: Path, kotlin: Kotlin, tmp_path: Path
) -> None:
    """Its resources and manifest through aapt, its code against the stubs."""
    if not (shutil.which("aapt") and _FRAMEWORK.exists()):
        pytest.skip("no aapt: apt-get install aapt android-framework-res")
    app = ROOT / "samples/android/app/src/main"
    manifest = tmp_path / "AndroidManifest.xml"
    # Gradle has the package's name in its build file; aapt wants it here.
    text = (app / "AndroidManifest.xml").read_text("utf-8")
    name = 'package="com.example.activitysample"'
    manifest.write_text(text.replace("<manifest ", f"<manifest {name} ", 1), "utf-8")
    generated = tmp_path / "generated"
    generated.mkdir()
    words: tuple[str, ...] = ("aapt", "package", "-f", "-m", "-0", "tflite", "-J", str(generated))
    words += ("-M", str(manifest), "-S", str(app / "res"), "-I", str(_FRAMEWORK))
    words += ("--min-sdk-version", "24", "-F", str(tmp_path / "app.apk"))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    classes = tmp_path / "classes"
    resources = sorted(generated.rglob("R.java"))
    subprocess.run(("javac", "-d", str(classes), *map(str, resources)), check=True)
    main, _ = compiled
    kotlin.compile([app / "kotlin"], tmp_path / "out", stubs, main, classes)


_FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")


def _names() -> list[str]:
    return [f"{_PACKAGE}.{name}" for name in _TESTS]
