"""The C package of a model of named tensors: compiled, run, answered by tflite-micro, broken."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgeconv.parity.golden.named_vectors import read_named
from edgeconv.targets.files import describe
from edgeconv.workflows.golden import check_device_outputs
from edgeconv.workflows.integrate import integrate
from tests.conftest import ROOT
from tests.packages.mutation import Mutation

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc"),
]
_MODEL = "src/edgeconv_model.c"
_TEST = "src/edgeconv_self_test.c"
_WORDS = "src/edgeconv_tokenizer.c"
MUTATIONS = (
    Mutation("NaN passes", _MODEL, "if (!isfinite(values[i]))", "if (isinf(values[i]))"),
    Mutation("limits are forgotten", _MODEL, "values[i] > high", "values[i] > high + 1"),
    Mutation(
        "the zero point is lost", _MODEL, "(stored[i] - zero_point)", "(stored[i] + zero_point)"
    ),
    Mutation(
        "the least class wins", _MODEL, "values[i] > values[place]", "values[i] < values[place]"
    ),
    Mutation("a wrong output passes", _TEST, "result->largest <= 1.0f", "result->largest <= 9.0f"),
    Mutation(
        "the last vector is not run",
        _TEST,
        "i < EDGECONV_GOLDEN_VECTORS; i++) {\n    if (run",
        "i < EDGECONV_GOLDEN_VECTORS - 1; i++) {\n    if (run",
    ),
    Mutation("infinity passes", _TEST, "return INFINITY;", "return 0.0f;"),
    Mutation(
        "any model will do", _TEST, "edgeconv_crc32(model, size) ==", "edgeconv_crc32(model, 0) !="
    ),
    Mutation("Kelvin is no letter", _WORDS, "return 'k';", "return 0;"),
)


@pytest.fixture(scope="module")
def package(model_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mcu-model") / "package"
    integrate("mcu", model_bundle, out)
    return out


def run(folder: Path, *words: str | Path, code: int = 0) -> str:
    done = subprocess.run(
        list(map(str, words)), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, f"{words}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def copied(package: Path, folder: Path) -> Path:
    return Path(shutil.copytree(package, folder / "package"))


def test_its_own_tests_pass_without_a_warning(
    package: Path, model_bundle: Path, tmp_path: Path
) -> None:
    copy = copied(package, tmp_path)
    flags = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
    said = run(copy, "make", "test", "CC=gcc", f"CFLAGS={flags}")
    assert "all checks passed" in said
    assert "all texts passed" in said
    results = tmp_path / "results.json"
    for words, status in (((), "passed"), (("failing",), "failed")):
        results.write_text(run(copy, "build/test_model", "--results", *words), "utf-8")
        (result,) = check_device_outputs(model_bundle, results)
        assert result.status == status, result.reason


def test_the_interpreter_answers_its_inputs_as_python_did(
    package: Path, model_bundle: Path, tmp_path: Path
) -> None:
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    (file,) = model_bundle.glob("*_io8.tflite")
    artifact, golden = describe(file), read_named(model_bundle)
    assert golden is not None
    expected = golden.expected[file.name].outputs
    assert expected is not None
    copy = copied(package, tmp_path)
    run(copy, "make", "test", "CC=gcc", "CFLAGS=-O0")
    lines = [line.split() for line in run(copy, "build/test_model", "--inputs").splitlines()]
    interpreter = runtime.Interpreter.from_file(str(file))
    for vector in range(len(golden)):
        for place, spec in enumerate(artifact.inputs):
            row = np.array(lines.pop(0), spec.dtype).reshape(spec.shape)
            interpreter.set_input(row, place)
        interpreter.invoke()
        for place, spec in enumerate(artifact.outputs):
            assert spec.scale is not None
            found = interpreter.get_output(place).astype(np.float64) - (spec.zero_point or 0)
            off = np.abs(found.ravel() * spec.scale - expected[spec.name][vector].ravel())
            assert off.max() <= golden.expected[file.name].tolerance[spec.name], spec.name
    assert lines == []


def test_the_runner_type_checks_against_the_interface_of_tflite_micro(package: Path) -> None:
    places = [
        f"-I{ROOT / 'tests/mcu/stubs'}",
        *(f"-I{name}" for name in ("src", "examples", "test")),
    ]
    flags = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only")
    run(package, "g++", *flags, *places, "examples/example_main.cc")


def test_the_sources_are_formatted(package: Path) -> None:
    formatter = pytest.importorskip("clang_format").get_executable("clang-format")
    files = [p for p in package.rglob("*") if p.suffix in (".c", ".h", ".cc")]
    files = [p for p in files if p.name != "model_data.c"]  # a table, whose first line may be long
    run(package, formatter, "--dry-run", "-Werror", *files)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_its_tests_notice_a_wrong_core(mutation: Mutation, package: Path, tmp_path: Path) -> None:
    copy = copied(package, tmp_path)
    with mutation.applied(copy):
        assert "FAILED" in run(copy, "make", "test", "CC=gcc", "CFLAGS=-O0", code=2)
