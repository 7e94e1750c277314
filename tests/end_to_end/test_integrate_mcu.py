"""The C package of a real bundle: compiled, run, held against Python and tflite-micro, broken."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from edgeconv.cli.app import run_app
from edgeconv.runtimes.arrays import quantize
from edgeconv.runtimes.predict import run_file
from edgeconv.targets.files import describe
from edgeconv.workflows.golden import check_device_outputs

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc"),
]
PLACE = Path(__file__).parents[1] / "mcu"
ARTIFACT = "har_int8_io8.tflite"
STREAM, DECISION = "src/edgeconv_stream.c", "src/edgeconv_decision.c"
CORE = ("stream", "decision", "contract", "energy", "sensor", "self_test", "self_test_data")


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
    sources = ("src/model_data.c", "test/test_stream.c", "test/stream_vectors.c")
    for name in (*sources, "test/test_device.c", "test/device_vectors.c"):
        compile_c(package, [package / name], folder / f"{Path(name).stem}.o", "-c")
    for name in CORE:
        source = package / f"src/edgeconv_{name}.c"
        compile_c(package, [source], folder / f"core_{name}.o", "-c")
    return folder


def compile_c(package: Path, files: list[Path], out: Path, *options: str) -> None:
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O0"]
    places = [f"-I{package / 'src'}", f"-I{package / 'test'}", "-DEDGECONV_TAPS_MAX=200"]
    places += ["-DEDGECONV_ALIVE=test_alive"]
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
    assert "all device checks passed" in said
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
    stored = np.array([line.split() for line in lines], np.int64)
    artifact = describe(integers / ARTIFACT)
    given = quantize(artifact.inputs[0], values).astype(np.int64)
    assert np.abs(stored - given).max() <= 1
    scale = artifact.outputs[0].scale
    assert scale is not None
    reference = run_file(artifact.path, values, "litert-reference") / scale
    interpreter = runtime.Interpreter.from_file(str(artifact.path))
    for window, row, told in zip(windows, stored, reference, strict=True):
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
    cores = [(package, f"src/edgeconv_{name}.c") for name in CORE if name != "self_test_data"]
    for folder, name in (*cores, (nine, STREAM)):
        compile_c(folder, [folder / name], tmp_path / "core.o", "-c")
        unknown = {line.split()[-1] for line in run("nm", "-u", tmp_path / "core.o").splitlines()}
        assert unknown <= {
            *("memcpy", "memset", "memmove", "expf", "roundf", "__stack_chk_fail", "fmax", "fmaxf"),
            *("_GLOBAL_OFFSET_TABLE_", "edgeconv_sources", "edgeconv_gravity_sections"),
            *(
                "test_alive",
                "sqrt",
                "edgeconv_dequantize",
                "edgeconv_test_inputs",
                "edgeconv_test_outputs",
            ),
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
    tables = ("model_data.c", "edgeconv_self_test_data.c")  # and test/*_vectors.c say so
    files = [p for p in package.rglob("*") if p.suffix in (".c", ".h", ".cc")]
    files = [p for p in files if p.name not in tables and not p.name.endswith("_vectors.c")]
    assert len(files) == 26
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


def build(
    package: Path, built: Path, out: Path, changed: Path | None = None, program: str = "stream"
) -> Path:
    """A test program, with one source of the core replaced by `changed`."""
    parts = [f"test_{program}.o", "stream_vectors.o", "model_data.o"]
    parts += ["device_vectors.o"] if program == "device" else []
    replaced = changed.stem.removeprefix("edgeconv_") if changed else ""
    parts += [f"core_{name}.o" for name in CORE if name != replaced]
    compile_c(package, [*([changed] if changed else []), *(built / part for part in parts)], out)
    return out


MUTATIONS = [
    pytest.param(kind, row["right"], row["wrong"], row.get("header", ""), id=row["name"])
    for kind, rows in tomllib.loads((PLACE / "mutations.toml").read_text()).items()
    for row in rows
]


@pytest.mark.parametrize(("kind", "right", "wrong", "header"), MUTATIONS)
def test_a_broken_core_fails_its_tests(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, right: str, wrong: str, header: str
) -> None:
    """A header that is broken lies beside a copy of its source, where the compiler looks first."""
    names = ("nine", "built_nine") if kind == "several" else ("package", "built")
    package, built = map(request.getfixturevalue, names)
    part = "stream" if kind == "several" else kind.removeprefix("device_")
    source = package / f"src/edgeconv_{part}.c"
    broken = package / "src" / header if header else source
    assert broken.read_text().count(right) == 1
    changed = tmp_path / source.name
    changed.write_text(source.read_text())
    (tmp_path / broken.name).write_text(broken.read_text().replace(right, wrong))
    program = "device" if kind.startswith("device_") else "stream"
    assert "FAILED" in run(build(package, built, tmp_path / "broken", changed, program), code=1)


@pytest.mark.parametrize("program", ["stream", "device"])
def test_the_unbroken_core_passes_them(
    package: Path, built: Path, tmp_path: Path, program: str
) -> None:
    said = run(build(package, built, tmp_path / "whole", program=program))
    assert "checks passed" in said


@pytest.mark.parametrize(
    ("model", "status", "words"),
    [("--right", "passed", ""), ("--wrong", "failed", "vector"), ("--failing", "failed", "run it")],
)
def test_the_results_of_its_self_test_are_judged_by_golden_check(
    package: Path, built: Path, integers: Path, tmp_path: Path, model: str, status: str, words: str
) -> None:
    results = tmp_path / "results.json"
    program = build(package, built, tmp_path / "whole", program="device")
    results.write_text(run(program, model), "utf-8")
    (result,) = check_device_outputs(integers, results)
    assert (result.status, words in result.reason) == (status, True), result.reason
    assert json.loads(results.read_text())["results"][0]["sha256"] == result.sha256


def test_two_models_of_one_firmware_link(package: Path, integers: Path, tmp_path: Path) -> None:
    out = tmp_path / "falls"
    words = ["integrate", "mcu", str(integers), "--out", str(out), "--name", "falls", "--quiet"]
    assert run_app(words) == 0
    both = tmp_path / "both.c"
    headers = ("edgeconv_self_test.h", "model_data.h", "falls_self_test.h", "falls_model_data.h")
    both.write_text(
        "".join(f'#include "{name}"\n' for name in headers)
        + "int main(void) { return edgeconv_is_model(model_data, model_data_size) &&\n"
        "falls_is_model(falls_model_data, falls_model_data_size) ? 0 : 1; }\n"
    )
    sources = [*(package / "src").glob("*.c"), *(out / "src").glob("*.c")]
    places = [f"-I{package / 'src'}", f"-I{out / 'src'}"]
    run("gcc", "-std=c99", *places, both, *sources, "-lm", "-o", tmp_path / "both")
    run(tmp_path / "both")


@pytest.mark.skipif(not shutil.which("cmake"), reason="there is no cmake")
def test_cmake_builds_it_and_runs_its_tests(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "build"
    run("cmake", "-S", package, "-B", folder)
    run("cmake", "--build", folder)
    run("ctest", "--test-dir", folder, "--output-on-failure")


@pytest.mark.skipif(not shutil.which("arm-none-eabi-gcc"), reason="there is no ARM compiler")
def test_the_core_compiles_for_a_cortex_m(package: Path, tmp_path: Path) -> None:
    copy = tmp_path / "package"
    shutil.copytree(package, copy)
    assert "edgeconv_self_test.o" in run("make", "cortex-m", cwd=copy)


def test_the_pack_names_every_source(package: Path) -> None:
    pack = ElementTree.parse(package / "edgeconv.edgeconv_core.pdsc")
    files = {file.attrib["name"] for file in pack.iter("file")}
    sources = {f"src/{path.name}" for path in (package / "src").glob("*.c")}
    assert files == {"src/", *sources}
