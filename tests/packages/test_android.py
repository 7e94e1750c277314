"""The Kotlin library of a real bundle: compiled, linted, tested, and its tests tested."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edgeconv.integration.render import renamed
from edgeconv.integration.template_context import AppOptions
from edgeconv.workflows.golden import check_device_outputs
from edgeconv.workflows.integrate import integrate
from tests.conftest import ROOT
from tests.packages.conftest import Kotlin, code_of, write_with_update
from tests.packages.mutation import Mutation, mutations, switchable

pytestmark = pytest.mark.heavy

_SOURCES = ("main/kotlin", "test/kotlin", "androidTest/kotlin")
_MAIN = "recognition/src/main/kotlin"
_KOTLIN = ROOT / "tests/kotlin"
_PACKAGE = "com.edgeconv.recognition"
_TESTS = (
    *("DeciderTest", "ModelFileTest", "DeviceTest", "ModelKeeperTest", "RecognizerTest"),
    *("PersonalTest", "SensorStreamTest"),
    "AdapterTest",  # not in the package: it needs the stubs
)
_MODEL_TESTS = [
    f"com.edgeconv.model.{name}"
    for name in ("ModelRunnerTest", "PredictionTest", "TokenizerTest", "ProofTest", "LiteRtTest")
]
MUTATIONS = mutations("android")


@dataclass(frozen=True)
class Library:
    """A package that was written, and its classes with those of its tests.

    Each is compiled in one go, and once more with every mutation behind a switch: the compiler is
    the slow part of these tests.

    Attributes:
        name: of its model in an app (`integrate --name`); empty: none.
    """

    package: Path
    classes: Path
    stubs: Path
    kotlin: Kotlin
    name: str

    @property
    def source(self) -> Path:
        return self.package / self.renamed("recognition/src")

    @property
    def resources(self) -> tuple[Path, Path]:
        return self.source / "test/resources", self.source / "main/assets"

    @property
    def tests(self) -> list[str]:
        return [self.renamed(f"{_PACKAGE}.{name}") for name in _TESTS]

    def renamed(self, text: str) -> str:
        return renamed(text, "android", self.name)

    def compile(self, sources: Sequence[Path], out: Path, strict: bool = True) -> None:
        self.kotlin.compile(sources, out, self.stubs, strict=strict)

    def mutants(self, wanted: Sequence[Mutation], out: Path) -> dict[str, tuple[int, int]]:
        """How many tests run and how many fail for each mutation, and for none of them."""
        here = [replace(each, file=self.renamed(each.file)) for each in wanted]
        with switchable(here, self.package, _switch):
            self.compile([self.source / "main/kotlin"], out, strict=False)
        names = ";".join(each.name for each in wanted)
        words = ["mutants.Mutants", names, *self.tests]
        done = self.kotlin.java(words, out, self.stubs, self.classes, *self.resources)
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        assert rows, done.stdout + done.stderr
        return {row[0]: (int(row[1]), int(row[2])) for row in rows if len(row) == 3}


def _switch(mutation: Mutation) -> str:
    """Kotlin that is the mutation while its name is on: one expression, or several statements."""
    on = f'mutants.Mutants.on("{mutation.name}")'
    if "\n" in mutation.right:
        return f"if ({on}) {{ {mutation.wrong} }} else {{ {mutation.right} }}"
    return f"(if ({on}) {mutation.wrong} else {mutation.right})"


@pytest.fixture(scope="module")
def plain(
    bundle: Path, stubs: Path, kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory
) -> Library:
    """The library of a model that takes an accelerometer."""
    return _library(bundle, stubs, kotlin, tmp_path_factory.mktemp("android"))


@pytest.fixture(scope="module")
def nine(
    nine_channels: Path, stubs: Path, kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory
) -> Library:
    """The library of a model with nine channels, under a name of its own."""
    folder = tmp_path_factory.mktemp("android-nine")
    return _library(nine_channels, stubs, kotlin, folder, "fall-alarm")


@pytest.fixture(scope="module")
def stubs(kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classes in the place of Android's and LiteRT's, which do what a phone does."""
    out = tmp_path_factory.mktemp("stubs")
    parts = [*(_KOTLIN / "stubs").rglob("*.java"), _KOTLIN / "Mutants.java"]
    sources = map(str, sorted(parts))
    words = ("javac", "-Xlint:all", "-Werror", "--release", "11", "-cp", kotlin.libraries)
    subprocess.run((*words, "-d", str(out), *sources), check=True)
    return out


def _library(bundle: Path, stubs: Path, kotlin: Kotlin, folder: Path, name: str = "") -> Library:
    """The package with the tests of its adapters, which need the stubs, compiled."""
    library = Library(folder / "package", folder / "classes", stubs, kotlin, name)
    integrate("android", bundle, library.package, app=AppOptions(name=name))
    adapters = (_KOTLIN / "adapters/AdapterTest.kt").read_text("utf-8")
    (folder / "AdapterTest.kt").write_text(library.renamed(adapters), "utf-8")
    parts = [library.source / part for part in _SOURCES]
    library.compile([*parts, folder / "AdapterTest.kt"], library.classes)
    return library


@pytest.mark.parametrize(("name", "source"), [("plain", "bundle"), ("nine", "nine_channels")])
def test_its_own_tests_pass(
    name: str, source: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """And the record of their self-test is one that edgeconv judges."""
    library, bundle = map(request.getfixturevalue, (name, source))
    record = tmp_path / "record.json"
    classes = (library.stubs, library.classes, *library.resources)
    done = library.kotlin.junit(library.tests, *classes, options=[f"-Ddevice.record={record}"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK (" in done.stdout
    results = check_device_outputs(bundle, record)
    assert [result.status for result in results] == ["passed", "passed"]


@pytest.mark.parametrize("name", ["plain", "nine"])
def test_litert_itself_passes_the_self_test(name: str, request: pytest.FixtureRequest) -> None:
    """By `CompiledModel` of PyPI's LiteRT, asked by place as the library asks it on a phone."""
    import numpy as np
    from ai_edge_litert.compiled_model import CompiledModel

    assets = request.getfixturevalue(name).resources[1]
    test = json.loads(next(assets.rglob("selftest.json")).read_text("utf-8"))
    model = CompiledModel.from_file(str(next(assets.rglob("*.tflite"))))
    inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
    for vector in test["vectors"]:
        inputs[0].write(np.array(vector["input"], np.float32))
        model.run_by_index(0, inputs, outputs)
        answer = outputs[0].read(len(vector["expected"]), np.float32)
        assert np.abs(answer - np.array(vector["expected"])).max() <= test["tolerance"]


@pytest.mark.parametrize(("name", "kind"), [("plain", "plain"), ("nine", "several")])
def test_its_tests_notice_a_wrong_core(
    name: str, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    counts = request.getfixturevalue(name).mutants(MUTATIONS[kind], tmp_path)
    ran, failed = counts.pop("none")
    assert ran > 0
    assert failed == 0
    assert set(counts) == {each.name for each in MUTATIONS[kind]}
    assert [each for each, (_, failures) in counts.items() if not failures] == []


@pytest.fixture(scope="module")
def model_package(model_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The typed runner of a model with hostile names; a signed update lies beside it."""
    return write_with_update("android", model_bundle, tmp_path_factory.mktemp("android-model"))


@pytest.fixture(scope="module")
def model_classes(
    model_package: Path, stubs: Path, kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ...]:
    """Classes of the runner's tests, and what lies beside them: vectors and the vocabulary."""
    out = tmp_path_factory.mktemp("model-classes")
    source = model_package / "model/src"
    parts = [source / f"{part}/kotlin" for part in ("main", "test", "androidTest")]
    multiplatform = tmp_path_factory.mktemp("multiplatform")
    _, *blocks = code_of("kotlin-multiplatform.md", "kotlin")  # the first is an interface only
    for place, block in enumerate(blocks):
        file = multiplatform / f"Block{place}.kt"
        file.write_text(f"package multiplatform\n\n{block}", "utf-8")
    kotlin.compile([*parts, _KOTLIN / "model_adapters", multiplatform], out, stubs)
    resources = ("test/resources", "main/resources", "main/assets")
    return out, *(source / each for each in resources)


def test_a_models_package_passes_its_own_tests(
    model_bundle: Path,
    model_package: Path,
    model_classes: tuple[Path, ...],
    stubs: Path,
    kotlin: Kotlin,
    tmp_path: Path,
) -> None:
    results = tmp_path / "results.json"
    record = tmp_path / "record.json"
    options = [f"-Dgolden.results={results}", f"-Dmodel.record={record}", _update(model_package)]
    done = kotlin.junit(_MODEL_TESTS, stubs, *model_classes, options=options)
    assert "OK (19 tests)" in done.stdout, done.stdout + done.stderr
    (result,) = check_device_outputs(model_bundle, results)
    assert result.status == "passed", result.reason
    judged = check_device_outputs(model_bundle, record)
    assert [each.status for each in judged] == ["passed", "passed"]


def test_a_models_tests_notice_a_wrong_runner(
    model_package: Path,
    model_classes: tuple[Path, ...],
    stubs: Path,
    kotlin: Kotlin,
    tmp_path: Path,
) -> None:
    """Compiled once, with each mutation behind a switch."""
    changes = MUTATIONS["tensors"]
    with switchable(changes, model_package, _switch):
        source = model_package / "model/src/main/kotlin"
        kotlin.compile([source], tmp_path, stubs, strict=False)
    words = ["mutants.Mutants", ";".join(each.name for each in changes), *_MODEL_TESTS]
    options = [_update(model_package)]
    done = kotlin.java(words, tmp_path, stubs, *model_classes, options=options)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    counts = {row[0]: int(row[2]) for row in rows if len(row) == 3}
    assert counts.pop("none", None) == 0, done.stdout + done.stderr
    assert set(counts) == {each.name for each in changes}
    assert [name for name, failures in counts.items() if not failures] == []


def _update(model_package: Path) -> str:
    return f"-Dmodel.update={model_package.parent / 'updates/android'}"


def test_two_models_do_not_meet(plain: Library, nine: Library) -> None:
    """No path, package, module or asset of a library with a name is that of one without."""
    names = {path.relative_to(nine.package).as_posix() for path in nine.package.rglob("*")}
    assert [name for name in names if name.startswith("recognition")] == []
    common = re.compile(r"com[./]edgeconv[./]recognition|:recognition")
    for path in nine.package.rglob("*"):
        if path.suffix in {".kt", ".kts", ".xml", ".pro"} or path.name == "README.md":
            assert not common.search(path.read_text("utf-8")), path
    ours, theirs = ({p.name for p in each.resources[1].iterdir()} for each in (plain, nine))
    assert not ours & theirs


def test_its_readme_says_what_the_app_grows_by(plain: Library) -> None:
    readme = (plain.package / "README.md").read_text("utf-8")
    files = [path for path in plain.resources[1].rglob("*") if path.is_file()]
    assert len(files) == 2
    for file in files:
        assert f"| {file.stat().st_size:,}" in readme, file


def test_everything_written_is_linted(
    plain: Library, nine: Library, model_package: Path, kotlin: Kotlin, tmp_path: Path
) -> None:
    """With a file that breaks its rules, which is the only one that is named."""
    shutil.copytree(plain.package, tmp_path / "package")
    shutil.copytree(nine.package, tmp_path / "nine")
    shutil.copytree(model_package, tmp_path / "model")
    shutil.copytree(ROOT / "samples/android", tmp_path / "app")
    shutil.copytree(_KOTLIN, tmp_path / "tests")
    shutil.copy(plain.package / ".editorconfig", tmp_path)
    (tmp_path / "Bad.kt").write_text("package bad\n\nfun  f( ) = 1\n")
    done = kotlin.lint(tmp_path)
    lines = [line for line in done.stdout.splitlines() if ".kt:" in line]
    assert lines, done.stderr
    assert [line for line in lines if "Bad.kt" not in line] == []


def test_the_sample_app_compiles_and_says_what_is_in_the_way(
    plain: Library, tmp_path: Path
) -> None:
    """Its resources and manifest through aapt, its code against the stubs."""
    if not (shutil.which("aapt") and _FRAMEWORK.exists()):
        pytest.skip("no aapt: apt-get install aapt android-framework-res")
    app = ROOT / "samples/android/app/src/main"
    manifest = tmp_path / "AndroidManifest.xml"
    # Gradle has the package's name in its build file; aapt wants it here.
    text = (app / "AndroidManifest.xml").read_text("utf-8")
    name = 'package="com.example.activitysample"'
    text = text.replace("<manifest ", f"<manifest {name} ", 1)
    # Debian's framework is of Android 10, which knows other types of services only.
    text = text.replace('foregroundServiceType="health"', 'foregroundServiceType="dataSync"')
    manifest.write_text(text, "utf-8")
    generated = tmp_path / "generated"
    generated.mkdir()
    words: tuple[str, ...] = ("aapt", "package", "-f", "-m", "-0", "tflite", "-J", str(generated))
    words += ("-M", str(manifest), "-S", str(app / "res"), "-I", str(_FRAMEWORK))
    words += ("--min-sdk-version", "26", "-F", str(tmp_path / "app.apk"))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    resources, out = tmp_path / "classes", tmp_path / "out"
    sources = sorted(map(str, generated.rglob("R.java")))
    subprocess.run(("javac", "-d", str(resources), *sources), check=True)
    kotlin, classes = plain.kotlin, (plain.stubs, plain.classes, resources)
    kotlin.compile([app / "kotlin", _KOTLIN / "sample"], out, *classes)
    names = ["com.example.activitysample.SampleTest"]
    done = kotlin.junit(names, out, *classes, *plain.resources)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_native_code_looks_up_survives_shrinking(plain: Library, tmp_path: Path) -> None:
    """The rules over classes like LiteRT's. ProGuard reads them as R8 does, which is not here."""
    if not _PROGUARD.exists():
        pytest.skip("no ProGuard: apt-get install proguard-cli")
    sources = map(str, sorted((_KOTLIN / "shrinking").glob("*.java")))
    words = ("javac", "--release", "8", "-Xlint:-options", "-d", str(tmp_path / "classes"))
    subprocess.run((*words, *sources), check=True)
    rules = plain.package / "recognition/consumer-rules.pro"
    with_rules, without = (_shrunk(tmp_path, each) for each in (["-include", str(rules)], []))
    assert {name for name in _BY_NAME if name not in with_rules} == set()
    assert {name for name in _BY_NAME if name in without} == set()
    assert not any("NeverUsed" in name for name in with_rules)
    assert "requirements()" not in with_rules  # renamed: only the app's own code calls it


_PROGUARD = Path("/usr/share/java/proguard.jar")
_BY_NAME = (
    "nativeCreate(long)",
    "nativeGetInputBufferRequirements(long)",
    "nativeGetInputTensorType(long)",
    "com.google.ai.edge.litert.CompiledModel",
    "com.google.ai.edge.litert.LiteRtException",
    "<init>(int,java.lang.String)",
    "<init>(int[],int,int[])",
    "<init>(int[],int[])",
    "com.google.ai.edge.litert.TensorType$ElementType",
    "INT64",
    "org.tensorflow.lite.NativeInterpreterWrapper",
    "run(long)",
    "inferenceDurationNanoseconds",
    "calledByName()",
    "org.tensorflow.lite.FactoryFoundByName",
)


def _shrunk(folder: Path, more: Sequence[str]) -> set[str]:
    """Classes and members that are left under their own names."""
    mapping = folder / "mapping.txt"
    words = [
        "java",
        "-jar",
        str(_PROGUARD),
        "-forceprocessing",
        "-injars",
        str(folder / "classes"),
        "-outjars",
    ]
    words += [
        str(folder / "out.jar"),
        "-ignorewarnings",
        "-dontnote",
        "-printmapping",
        str(mapping),
    ]
    for root in ("com.google.ai.edge.litert.Natives", "org.tensorflow.lite.Wrapper"):
        words += ["-keep", f"class {root} {{ void app(); }}"]
    done = subprocess.run([*words, *more], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    names = set()
    for line in mapping.read_text("utf-8").splitlines():
        old, _, new = line.strip().rstrip(":").partition(" -> ")
        name = old.rpartition(" ")[2].rpartition(":")[2]
        if new == name.partition("(")[0]:
            names.add(name)
    return names


def test_the_page_size_of_native_libraries(tmp_path: Path) -> None:
    """Of libraries that a compiler made, alone and in an archive, and of what is none."""
    if not shutil.which("gcc"):
        pytest.skip("no gcc")
    script = [sys.executable, str(ROOT / "samples/android/page_size.py")]
    (tmp_path / "a.c").write_text("int a[40000] = {1}; int f(void) { return a[0]; }\n")
    libraries = {}
    for size in (4096, 16384):
        libraries[size] = tmp_path / f"lib{size}.so"
        words = ["gcc", "-shared", "-fPIC", "-nostdlib", f"-Wl,-z,max-page-size={size}"]
        subprocess.run([*words, "-o", libraries[size], tmp_path / "a.c"], check=True)
    archive = tmp_path / "app.apk"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("lib/arm64-v8a/libok.so", libraries[16384].read_bytes())
        file.writestr("classes.dex", b"")
    shifted = bytearray(libraries[16384].read_bytes())
    table = int.from_bytes(shifted[32:40], "little")
    shifted[table + 8 : table + 16] = (512).to_bytes(8, "little")  # p_offset of the first segment
    (tmp_path / "shifted.so").write_bytes(shifted)
    (tmp_path / "text.so").write_text("no library")
    (tmp_path / "cut.so").write_bytes(libraries[16384].read_bytes()[:70])
    expected = {
        **{libraries[16384]: 0, archive: 0, libraries[4096]: 1, tmp_path / "shifted.so": 1},
        **{tmp_path / "text.so": 2, tmp_path / "cut.so": 2, tmp_path / "none.so": 2},
    }
    for path, code in expected.items():
        done = subprocess.run([*script, path], capture_output=True, text=True, check=False)
        assert done.returncode == code, (path, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr


_FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
