"""Core ML programs in memory: who makes and reads what, and damage that names its operation."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.cli.app import run_app
from edgeconv.errors import BadInput
from edgeconv.runtimes import open_runner
from edgeconv.targets.coreml.package import blocks, model_file, read_spec
from edgeconv.targets.coreml.program import read_program
from edgeconv.targets.files import lint
from tests.unit.runtimes.coreml_reference.programs import Package

PYTHON = re.compile(r"\w*(Error|Exception)\b|index out of range|object is not")
X = np.ones((1, 4), np.float32)


def linear(folder: Path) -> Package:
    package = Package(folder / "linear.mlpackage")
    package.input("x", (1, 4))
    package.weight("w", np.arange(8, dtype=np.float32).reshape(2, 4))
    package.op("linear", "y", (1, 2), x="x", weight="w", bias=np.zeros(2, np.float32))
    package.op("relu", "z", (1, 2), x="y")
    package.op("transpose", "t", (2, 1), x="y", perm=np.array([1, 0], np.int32))
    package.output("z", (1, 2))
    return package


def test_function_knows_producers_readers_and_constants(tmp_path: Path) -> None:
    function = read_program(linear(tmp_path).write()).function()
    first, second, third = function.nodes()
    assert [op.type for op in function.nodes()] == ["linear", "relu", "transpose"]
    assert function.producer_of("y") is first
    assert function.producer_of("x") is None
    assert function.producer_of("w") is None
    assert function.readers_of("y") == (second, third)
    assert function.readers_of("z") == ()
    weight = function.constant("w")
    assert weight is not None
    assert weight.value.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert function.constant("y") is None
    perm = function.argument(third, "perm")
    assert perm is not None
    assert perm.value.tolist() == [1, 0]
    assert function.argument(third, "x") is None
    assert function.argument(third, "axes") is None
    assert (first.position, first.name) == (1, "y")
    assert list(first.inputs) == ["bias", "weight", "x"]  # in the same order in every process
    shapes = {name: value.shape for name, value in function.values.items()}
    assert shapes == {"x": (1, 4), "w": (2, 4), "y": (1, 2), "z": (1, 2), "t": (2, 1)}


def test_nodes_of_inner_blocks_are_read_by_their_owner(tmp_path: Path) -> None:
    package = linear(tmp_path)
    package.op("cond", "c", (1, 2), pred=np.array(True))
    owner = package.block.operations[-1]
    for kind in ("relu", "tanh"):
        inner = owner.blocks.add(outputs=[kind])
        op = inner.operations.add(type=kind)
        op.inputs["x"].arguments.add(name="y")
        package._type(op.outputs.add(name=kind).type, (1, 2), "float32")
    function = read_program(package.write()).function()
    *_, cond, relu, tanh = function.nodes()
    assert (relu.inner, tanh.inner, cond.inner) == (True, True, False)
    assert cond.reads == ("relu", "tanh", "y")
    assert cond in function.readers_of("y")


def test_function_of_a_program_with_several(tmp_path: Path) -> None:
    package = linear(tmp_path)
    package.spec.mlProgram.functions["other"].CopyFrom(package.main)
    path = package.write()
    program = read_program(path)
    assert program.function().name == "main"
    assert program.function("other").name == "other"
    assert list(program.functions) == ["main", "other"]
    with pytest.raises(BadInput, match=r"has no function 'third' \(choose one of: main, other\)"):
        program.function("third")
    spec = read_spec(path)
    spec.description.defaultFunctionName = "other"
    model_file(path).write_bytes(spec.SerializeToString())
    assert read_program(path).function().name == "other"
    del spec.mlProgram.functions["other"]
    spec.description.defaultFunctionName = ""
    spec.mlProgram.functions["only"].CopyFrom(spec.mlProgram.functions["main"])
    del spec.mlProgram.functions["main"]
    model_file(path).write_bytes(spec.SerializeToString())
    assert read_program(path).function().name == "only"


def no_output(block: Any, spec: Any) -> None:
    del block.operations[0].outputs[:]


def unknown_type(block: Any, spec: Any) -> None:
    block.operations[1].inputs["bias"].arguments[0].value.type.tensorType.dataType = 84


def unknown_output_type(block: Any, spec: Any) -> None:
    block.operations[2].outputs[0].type.tensorType.dataType = 84


def unknown_array_type(block: Any, spec: Any) -> None:
    spec.description.input[0].type.multiArrayType.dataType = 1_966_112


def no_value(block: Any, spec: Any) -> None:
    block.operations[0].attributes.clear()


def no_dimensions(block: Any, spec: Any) -> None:
    del spec.mlProgram.functions["main"].inputs[0].type.tensorType.dimensions[:]


def unbound(block: Any, spec: Any) -> None:
    del block.operations[2].inputs["x"].arguments[:]


DAMAGED: list[tuple[Callable[[Any, Any], None], str]] = [
    (no_output, r"operation 'const' \(number 0, .*\) has no output"),
    (
        unknown_type,
        r"operation 'linear' \(output 'y', number 1\), parameter 'bias' has the type number 84",
    ),
    (unknown_output_type, r"operation 'relu' \(output 'z', number 2\), 'z' has the type number 84"),
    (unknown_array_type, "input or output 'x' has the array type number 1966112"),
    (no_value, r"constant 'w' \(number 0\) has no value"),
    (no_dimensions, r"operation 'linear' \(output 'y', number 1\) .* 'x' \(value 'x'\).* \(\)"),
    (unbound, r"operation 'relu' \(output 'z', number 2\), parameter 'x' is bound to no value"),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGED, ids=lambda v: getattr(v, "__name__", ""))
def test_inspect_names_what_is_damaged(
    tmp_path: Path,
    damage: Callable[[Any, Any], None],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = linear(tmp_path).write()
    spec = read_spec(path)
    (block,) = blocks(spec)
    damage(block, spec)
    model_file(path).write_bytes(spec.SerializeToString())
    assert run_app(["inspect", str(path)]) == 3
    shown = " ".join(capsys.readouterr().err.split())
    assert re.search(said, shown), shown
    assert str(path) in shown.replace(" ", "").replace("\n", "") or path.name in shown
    assert not PYTHON.search(shown)


def test_a_palette_without_a_shape_is_named(tmp_path: Path) -> None:
    package = palette(tmp_path)
    op = next(op for op in package.block.operations if op.type.startswith("constexpr_"))
    del op.attributes["lut"].type.tensorType.dimensions[:]
    path = package.write()
    assert run_app(["inspect", str(path)]) == 3
    said = r"operation 'constexpr_lut_to_dense' \(output 'w', number 0\)"
    with pytest.raises(BadInput, match=f"palette.mlpackage: {said}"):
        open_runner(path)


def palette(folder: Path, shape: tuple[int, ...] = (2, 4)) -> Package:
    """A kernel (2, 4) of a palette of 2; `shape` is what the unpacking operation is given."""
    package = Package(folder / "palette.mlpackage")
    package.input("x", (1, 4))
    op = package.block.operations.add(type="constexpr_lut_to_dense")
    package._type(op.outputs.add(name="w").type, (2, 4), "float32")
    values: dict[str, tuple[Any, str]] = {
        "indices": (np.array([0b01010101], np.uint8), "uint8"),
        "lut": (np.array([1, 2], np.float32), "float32"),
        "shape": (np.array(shape, np.uint32), "uint32"),
    }
    for name, (array, dtype) in values.items():
        package._type(op.attributes[name].type, array.shape, dtype)
        op.attributes[name].immediateValue.tensor.bytes.values = array.tobytes()
    package.op("linear", "y", (1, 2), x="x", weight="w", bias=np.zeros(2, np.float32))
    package.output("y", (1, 2))
    return package


def test_shapes_that_contradict_are_a_lint_and_name_the_operation_when_run(
    tmp_path: Path,
) -> None:
    whole = palette(tmp_path / "whole").write()
    with open_runner(whole) as runner:
        np.testing.assert_array_equal(runner.run({"x": X})["y"], [[6.0, 6.0]])
    assert "shape-mismatch" not in [finding.rule for finding in lint(whole)]
    path = palette(tmp_path / "damaged", (4, 2)).write()
    (found,) = (f for f in lint(path) if f.rule == "shape-mismatch")
    assert (found.severity, found.where) == ("error", "w")
    said = (
        r"operation 'constexpr_lut_to_dense' \(output 'w', number 0\) makes 'w' of shape \(4, 2\)"
    )
    with pytest.raises(BadInput, match=f"{re.escape(str(path))}: {said}"):
        open_runner(path)


@pytest.mark.parametrize(
    ("kind", "x", "out", "parameters"),
    [
        ("linear", (1, 5), (1, 2), {"weight": np.ones((2, 4), np.float32)}),
        ("linear", (1, 4), (1, 3), {"weight": np.ones((2, 4), np.float32)}),
        ("conv", (1, 3, 9), (1, 2, 9), {"weight": np.ones((2, 4, 1), np.float32)}),
        ("conv", (1, 4), (1, 2), {"weight": np.ones((2, 4, 1), np.float32)}),
        ("conv", (1, 4, 9), (1, 2, 9), {"weight": np.ones((0, 4, 1), np.float32)}),
        (
            "conv",
            (1, 4, 9),
            (1, 2, 9),
            {"weight": np.ones((2, 4, 1), np.float32), "bias": np.ones(3, np.float32)},
        ),
        ("reshape", (1, 6), (2, 2), {"shape": np.array([2, 2], np.int32)}),
    ],
)
def test_lint_of_operands_that_do_not_fit(
    tmp_path: Path,
    kind: str,
    x: tuple[int, ...],
    out: tuple[int, ...],
    parameters: dict[str, Any],
) -> None:
    package = Package(tmp_path / "odd.mlpackage")
    package.input("x", x)
    package.op(kind, "y", out, x="x", **parameters)
    package.output("y", out)
    assert "shape-mismatch" in [finding.rule for finding in lint(package.write())]
