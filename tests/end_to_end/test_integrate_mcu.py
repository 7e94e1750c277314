"""The C package of a real bundle: compiled, run, held against Python and tflite-micro, broken."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest

from edgeconv.cli.app import run_app
from edgeconv.runtimes.arrays import quantize
from edgeconv.runtimes.predict import run_file
from edgeconv.targets.files import describe

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc"),
]
PLACE = Path(__file__).parents[1] / "mcu"
ARTIFACT = "har_int8_io8.tflite"
STREAM, DECISION = "src/edgeconv_stream.c", "src/edgeconv_decision.c"


@pytest.fixture(scope="module")
def integers(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with the int8 file that a microcontroller takes."""
    out = tmp_path_factory.mktemp("mcu") / "bundle"
    words = ["--target", "tflite", "--quantize", "int8", "--io-type", "int8", "--quiet"]
    assert run_app(["export", str(bundle), "--out", str(out), *words]) == 0
    return out


@pytest.fixture(scope="module")
def package(integers: Path) -> Path:
    out = integers.parent / "package"
    assert run_app(["integrate", "mcu", str(integers), "--out", str(out), "--quiet"]) == 0
    return out


@pytest.fixture(scope="module")
def nine(nine_channels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of nine channels: accelerometer, gyroscope, and gravity taken out."""
    out = tmp_path_factory.mktemp("mcu-nine") / "package"
    assert run_app(["integrate", "mcu", str(nine_channels), "--out", str(out), "--quiet"]) == 0
    return out


@pytest.fixture(scope="module")
def built(package: Path) -> Path:
    return objects(package)


@pytest.fixture(scope="module")
def built_nine(nine: Path) -> Path:
    return objects(nine)


def objects(package: Path) -> Path:
    """Objects of everything but the core, which the mutations change."""
    folder = package.parent / "objects"
    folder.mkdir()
    for name in ("test/test_stream.c", "test/stream_vectors.c", "src/model_data.c"):
        compile_c(package, [package / name], folder / f"{Path(name).stem}.o", "-c")
    return folder


def compile_c(package: Path, files: list[Path], out: Path, *options: str) -> None:
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O0"]
    places = [f"-I{package / 'src'}", f"-I{package / 'test'}", "-DEDGECONV_TAPS_MAX=200"]
    places += [] if "EDGECONV_SENSORS 1\n" in header(package) else ["-DEDGECONV_PENDING_MAX=200"]
    run("gcc", *flags, *places, *options, *files, *([] if "-c" in options else ["-lm"]), "-o", out)


def header(package: Path) -> str:
    return (package / "src/edgeconv_contract.h").read_text()


def run(*words: str | Path, code: int = 0, cwd: Path | None = None) -> str:
    command = list(map(str, words))
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, cwd=cwd
    )
    assert done.returncode == code, f"{words}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.parametrize(
    "flags", ["-O2", "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"]
)
@pytest.mark.parametrize(("name", "streams"), [("package", 15), ("nine", 19)])
def test_its_own_tests_pass_without_a_warning(
    request: pytest.FixtureRequest, tmp_path: Path, name: str, streams: int, flags: str
) -> None:
    copy = tmp_path / "package"
    shutil.copytree(request.getfixturevalue(name), copy)
    said = run("make", "test", "CC=gcc", f"CFLAGS={flags}", cwd=copy)
    assert "all checks passed" in said
    assert said.count("windows, largest difference") == streams


def test_a_ring_that_is_too_small_for_the_silence_limit_is_refused(
    nine: Path, tmp_path: Path
) -> None:
    shutil.copytree(nine, tmp_path / "package")
    flags = "CFLAGS=-O1 -UEDGECONV_PENDING_MAX -DEDGECONV_PENDING_MAX=40 -Wno-error"
    said = run(
        "make",
        "test",
        "CC=gcc",
        flags,
        "TEST_TAPS=-DEDGECONV_TAPS_MAX=200",
        cwd=tmp_path / "package",
        code=2,
    )
    assert "FAILED: ios-50: settings" in said


def test_the_interpreter_answers_its_windows_as_python_did(
    package: Path, built: Path, integers: Path
) -> None:
    """int8 windows from C through tflite-micro, and Python's through TFLite's own kernels."""
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    document = json.loads((package / "test" / "stream.json").read_text())
    windows = [w for s in document["streams"] for w in s["expected"]["windows"]]
    values = np.array([w["values"] for w in windows], np.float32)
    lines = run(build(package, built, built / "whole"), "--inputs").splitlines()
    found = np.array([line.split() for line in lines], np.int64)
    artifact = describe(integers / ARTIFACT)
    given = quantize(artifact.inputs[0], values).astype(np.int64)
    assert np.abs(found - given).max() <= 1
    scale = artifact.outputs[0].scale
    assert scale is not None
    reference = run_file(artifact.path, values, "litert-reference") / scale
    interpreter = runtime.Interpreter.from_file(str(artifact.path))
    for window, row, told in zip(windows, found, reference, strict=True):
        interpreter.set_input(row[None].astype(np.int8), 0)
        interpreter.invoke()
        answer = interpreter.get_output(0)[0].astype(np.float64) + 128
        assert np.abs(answer - told).max() <= 1
        tolerance = document["tolerance"]["probability"]
        assert np.abs(answer * scale - window["outputs"]).max() <= tolerance
        first, second = np.sort(told)[[-1, -2]]
        if first - second > 2:  # closer, and one step may turn them round
            assert answer.argmax() == told.argmax()


def test_the_core_allocates_nothing(package: Path, nine: Path, tmp_path: Path) -> None:
    for folder, name in ((package, STREAM), (nine, STREAM), (package, DECISION)):
        compile_c(folder, [folder / name], tmp_path / "core.o", "-c")
        unknown = {line.split()[-1] for line in run("nm", "-u", tmp_path / "core.o").splitlines()}
        assert unknown <= {
            *("memcpy", "memset", "memmove", "expf", "roundf", "__stack_chk_fail"),
            *("_GLOBAL_OFFSET_TABLE_", "edgeconv_sources", "edgeconv_gravity_sections"),
        }


def test_the_example_type_checks_against_the_interface_of_tflite_micro(package: Path) -> None:
    run(
        *("g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"),
        *(f"-I{PLACE / 'stubs'}", f"-I{package / 'src'}", f"-I{package / 'examples'}"),
        package / "examples" / "example_main.cc",
    )


@pytest.mark.parametrize("name", ["package", "nine"])
def test_the_sources_are_formatted(request: pytest.FixtureRequest, name: str) -> None:
    package = request.getfixturevalue(name)
    formatter = pytest.importorskip("clang_format").get_executable("clang-format")
    tables = ("model_data.c", "stream_vectors.c")  # are not to be formatted, and say so
    files = [p for p in package.rglob("*") if p.suffix in (".c", ".h", ".cc")]
    files = [p for p in files if p.name not in tables]
    assert len(files) == 11
    run(formatter, "--dry-run", "-Werror", *files)


def test_the_same_bundle_gives_the_same_bytes(
    package: Path, integers: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    assert run_app(["integrate", "mcu", str(integers), "--out", str(again), "--quiet"]) == 0
    files = sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(package) for p in package.rglob("*") if p.is_file())
    for name in files:
        assert (again / name).read_bytes() == (package / name).read_bytes(), name


# --- what is broken must be found -----------------------------------------------------------------


def build(package: Path, built: Path, out: Path, changed: Path | None = None) -> Path:
    """The test program, with the core of `changed` where that has one."""
    names = (STREAM, DECISION, "src/edgeconv_contract.c")
    core = [
        changed / Path(n).name if changed and (changed / Path(n).name).is_file() else package / n
        for n in names
    ]
    compile_c(package, [*core, *built.glob("*.o")], out)
    return out


MUTATIONS = [
    pytest.param(file, row["right"], row["wrong"], id=row["name"])
    for file, rows in tomllib.loads((PLACE / "mutations.toml").read_text()).items()
    for row in rows
]


@pytest.mark.parametrize(("kind", "right", "wrong"), MUTATIONS)
def test_a_broken_core_fails_its_tests(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, right: str, wrong: str
) -> None:
    names = ("nine", "built_nine") if kind == "several" else ("package", "built")
    package, built = map(request.getfixturevalue, names)
    file = DECISION if kind == "decision" else STREAM
    source = (package / file).read_text()
    assert source.count(right) == 1
    (tmp_path / Path(file).name).write_text(source.replace(right, wrong))
    program = build(package, built, tmp_path / "broken", tmp_path)
    assert "FAILED" in run(program, code=1)


def test_the_unbroken_core_passes_them(package: Path, built: Path, tmp_path: Path) -> None:
    assert "all checks passed" in run(build(package, built, tmp_path / "whole"))
