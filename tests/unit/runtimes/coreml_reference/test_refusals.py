"""What the runtime refuses says which operation, and where; random numbers and states repeat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner

from .programs import Package

X = np.array([[1.0, 2.0]], np.float32)


def plain(folder: Path) -> Package:
    """y = relu(x)."""
    package = Package(folder / "plain.mlpackage")
    package.input("x", (1, 2))
    package.op("relu", "y", (1, 2), x="x")
    package.output("y", (1, 2))
    return package


def refused(package: Package, said: str) -> None:
    with pytest.raises(Unsupported, match=said) as caught:
        CoreMLReferenceRunner(package.write())
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("dtype", ["bfloat16", "float8e4m3fn", "float8e5m2"])
def test_a_result_in_another_float_type(tmp_path: Path, dtype: str) -> None:
    package = plain(tmp_path)
    package.op("cast", "z", (1, 2), dtype, x="y", dtype=np.str_("bf16"))
    refused(package, rf"operation 'cast' \(output 'z', number 1\).*{dtype}")


def test_an_input_in_another_float_type(tmp_path: Path) -> None:
    package = plain(tmp_path)
    package.main.inputs[0].type.tensorType.dataType = package.mil.BFLOAT16
    refused(package, "input 'x'.*bfloat16")


@pytest.mark.parametrize("dtype", ["bfloat16", "float8e4m3fn", "float8e5m2"])
def test_a_constant_in_another_float_type(tmp_path: Path, dtype: str) -> None:
    package = plain(tmp_path)
    op = package.block.operations.add(type="const")
    package._type(op.outputs.add(name="scales").type, (2,), dtype)
    op.attributes["val"].type.CopyFrom(op.outputs[0].type)
    op.attributes["val"].immediateValue.tensor.bytes.values = b"\0\0\0\0"
    refused(package, f"constant 'scales': .*{dtype}")


def branches(folder: Path, inner: str) -> Package:
    """y = relu(x) if the flag holds, else `inner`(x)."""
    package = plain(folder)
    op = package.block.operations.add(type="cond")
    binding = op.inputs["pred"].arguments.add()
    package._type(binding.value.type, (), "bool")
    binding.value.immediateValue.tensor.bools.values.append(False)
    for name, kind in (("a", "relu"), ("b", inner)):
        block = op.blocks.add(outputs=[name])
        step = block.operations.add(type=kind)
        step.inputs["x"].arguments.add().name = "x"
        package._type(step.outputs.add(name=name).type, (1, 2), "float32")
    package._type(op.outputs.add(name="z").type, (1, 2), "float32")
    package.output("z", (1, 2))
    return package


def damaged(package: Package, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        CoreMLReferenceRunner(package.write())
    assert caught.value.hint


def test_an_output_that_nothing_computes(tmp_path: Path) -> None:
    package = plain(tmp_path)
    package.block.outputs[0] = "yy"
    damaged(package, "the program gives the value 'yy', which nothing computes")


def test_an_input_that_nothing_computes(tmp_path: Path) -> None:
    package = plain(tmp_path)
    package.op("relu", "z", (1, 2), x="ghost")
    damaged(package, r"'relu' \(output 'z', number 1\) needs the value 'ghost'")


def test_an_unknown_operation_in_a_nested_block(tmp_path: Path) -> None:
    refused(branches(tmp_path, "warp_drive"), r"'warp_drive' \(output 'b', number 3\)")


def test_a_branch_of_known_operations(tmp_path: Path) -> None:
    runner = CoreMLReferenceRunner(branches(tmp_path, "square").write())
    np.testing.assert_array_equal(runner.run({"x": X})["z"], X**2)
    assert set(runner.intermediates({"x": X})) == {"y", "z"}


def noise(folder: Path) -> Path:
    """y = x + noise, and the noise is another one for each operation."""
    package = Package(folder / "noise.mlpackage")
    package.input("x", (1, 2))
    parameters: dict[str, Any] = {"shape": [1, 2], "mean": np.float32(0), "stddev": np.float32(1)}
    package.op("random_normal", "n", (1, 2), **parameters)
    package.op("random_normal", "m", (1, 2), **parameters)
    package.op("add", "s", (1, 2), x="x", y="n")
    package.op("add", "y", (1, 2), x="s", y="m")
    package.output("y", (1, 2))
    return package.write()


def test_random_numbers_follow_the_seed(tmp_path: Path) -> None:
    path = noise(tmp_path)
    runner = CoreMLReferenceRunner(path, seed=3)
    first = runner.run({"x": X})["y"]
    np.testing.assert_array_equal(runner.run({"x": X})["y"], first)
    np.testing.assert_array_equal(CoreMLReferenceRunner(path, seed=3).run({"x": X})["y"], first)
    assert (CoreMLReferenceRunner(path, seed=4).run({"x": X})["y"] != first).all()
    inside = runner.intermediates({"x": X})
    assert (inside["n"] != inside["m"]).all()


def counter(folder: Path) -> Path:
    """A state to which each inference adds x; y is its new value."""
    package = Package(folder / "counter.mlpackage")
    package.input("x", (1, 2))
    state = package.main.inputs.add(name="total")
    package._type(state.type.stateType.wrappedType, (1, 2), "float32")
    package.op("read_state", "old", (1, 2), input="total")
    package.op("add", "y", (1, 2), x="old", y="x")
    write = package.block.operations.add(type="write_state")
    write.inputs["input"].arguments.add().name = "total"
    write.inputs["data"].arguments.add().name = "y"
    package.output("y", (1, 2))
    return package.write()


def test_each_sample_of_a_run_begins_with_a_fresh_state(tmp_path: Path) -> None:
    runner = CoreMLReferenceRunner(counter(tmp_path))
    assert not runner.vectorized
    x = np.tile(X, (3, 1))
    np.testing.assert_array_equal(runner.run({"x": x})["y"], x)


def test_a_state_can_be_carried_from_one_inference_to_the_next(tmp_path: Path) -> None:
    runner = CoreMLReferenceRunner(counter(tmp_path))
    state = runner.make_state()
    found = [runner.infer({"x": X}, state)["y"] for _ in range(3)]
    np.testing.assert_array_equal(found, [X, 2 * X, 3 * X])
    np.testing.assert_array_equal(runner.infer({"x": X})["y"], X)
