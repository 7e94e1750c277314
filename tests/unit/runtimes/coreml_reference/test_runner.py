"""The runner on small packages: rounding, batches, classifiers, functions, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.runtimes import open_runner
from edgeconv.runtimes.coreml_reference.executor import CHUNK
from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner

from .programs import Package


def sums_in_float16(folder: Path) -> Package:
    """y = x + 1 in float16, with float32 around it."""
    package = Package(folder / "half.mlpackage")
    package.input("x", (1, 2))
    package.op("cast", "h", (1, 2), "float16", x="x", dtype=np.str_("fp16"))
    package.op("add", "s", (1, 2), "float16", x="h", y=np.float32(1))
    package.op("cast", "y", (1, 2), x="s", dtype=np.str_("fp32"))
    package.output("y", (1, 2))
    return package


X = np.array([[0.1, 2049.0]], np.float32)


def test_as_specified_rounds_after_each_operation(tmp_path: Path) -> None:
    runner = CoreMLReferenceRunner(sums_in_float16(tmp_path).write())
    # 2049 rounds to the even 2048 on the cast, and 2049 again after the sum.
    expected = np.float16(np.float16(0.1) + np.float16(1)), 2048.0
    np.testing.assert_array_equal(runner.run({"x": X})["y"], [expected])


@pytest.mark.parametrize(("compute", "dtype"), [("float32", np.float32), ("float64", np.float64)])
def test_other_computes_ignore_float16(tmp_path: Path, compute: str, dtype: type) -> None:
    runner = CoreMLReferenceRunner(sums_in_float16(tmp_path).write(), compute=compute)
    y = runner.run({"x": X})["y"]
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, X.astype(dtype) + 1)


def test_unknown_compute(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="float8"):
        CoreMLReferenceRunner(sums_in_float16(tmp_path).write(), compute="float8")


def test_auto_opens_packages(tmp_path: Path) -> None:
    with open_runner(sums_in_float16(tmp_path).write(), compute="float32") as runner:
        assert runner.runtime == "coreml-reference"
        assert runner.run({"x": X})["y"].shape == (1, 2)


def test_leading_batches_and_chunks(tmp_path: Path) -> None:
    runner = CoreMLReferenceRunner(sums_in_float16(tmp_path).write())
    assert runner.vectorized
    x = np.random.default_rng(0).normal(size=(2, CHUNK + 3, 2)).astype(np.float32)
    y = runner.run({"x": x})["y"]
    assert y.shape == x.shape
    alone = np.stack([[runner.run({"x": row[None]})["y"][0] for row in part] for part in x])
    np.testing.assert_array_equal(y, alone)
    assert runner.run({"x": x[:0]})["y"].shape == (0, CHUNK + 3, 2)


def test_a_program_that_mixes_samples_is_looped(tmp_path: Path) -> None:
    package = Package(tmp_path / "mix.mlpackage")
    package.input("x", (1, 2))
    package.op("softmax", "y", (1, 2), x="x", axis=np.int32(0))
    package.output("y", (1, 2))
    runner = CoreMLReferenceRunner(package.write())
    assert not runner.vectorized
    np.testing.assert_array_equal(runner.run({"x": np.ones((4, 2))})["y"], np.ones((4, 2)))


def test_a_first_dimension_above_one_belongs_to_the_sample(tmp_path: Path) -> None:
    package = Package(tmp_path / "two.mlpackage")
    package.input("x", (2, 2))
    package.op("reduce_sum", "y", (2,), x="x", axes=[0], keep_dims=False)
    package.output("y", (2,))
    runner = CoreMLReferenceRunner(package.write())
    x = np.arange(12.0).reshape(3, 2, 2)
    np.testing.assert_array_equal(runner.run({"x": x})["y"], x.sum(1))


def test_a_free_first_dimension_is_never_cut(tmp_path: Path) -> None:
    package = Package(tmp_path / "free.mlpackage")
    package.input("x", (-1, 2))
    package.op("softmax", "y", (-1, 2), x="x", axis=np.int32(0))
    package.output("y", (-1, 2))
    n = 2 * CHUNK
    y = CoreMLReferenceRunner(package.write()).run({"x": np.ones((n, 2))})["y"]
    np.testing.assert_allclose(y, 1 / n)


def test_bind_runs_one_sample(tmp_path: Path) -> None:
    runner = CoreMLReferenceRunner(sums_in_float16(tmp_path).write())
    bound = runner.bind({"x": X})
    with pytest.raises(UsageError, match="no outputs yet"):
        bound.outputs()
    bound()
    np.testing.assert_array_equal(bound.outputs()["y"], runner.run({"x": X})["y"])
    with pytest.raises(BadInput, match="1 sample"):
        runner.bind({"x": np.ones((3, 2))})


def test_an_unknown_operation_is_named_with_its_place(tmp_path: Path) -> None:
    package = sums_in_float16(tmp_path)
    package.op("warp_drive", "z", (1, 2), x="y")
    with pytest.raises(Unsupported, match=r"'warp_drive' \(output 'z', number 3\)") as caught:
        CoreMLReferenceRunner(package.write())
    assert caught.value.exit_code == 4


def test_an_unknown_parameter_is_named(tmp_path: Path) -> None:
    package = sums_in_float16(tmp_path)
    package.op("relu", "z", (1, 2), x="y", slope=np.float32(1))
    with pytest.raises(Unsupported, match="no parameter 'slope'"):
        CoreMLReferenceRunner(package.write())


def test_a_value_that_nothing_makes(tmp_path: Path) -> None:
    package = sums_in_float16(tmp_path)
    package.op("relu", "z", (1, 2), x="nowhere")
    with pytest.raises(BadInput, match="'nowhere'"):
        CoreMLReferenceRunner(package.write())


def test_an_output_that_nothing_makes(tmp_path: Path) -> None:
    package = sums_in_float16(tmp_path)
    package.output("ghost", (1,))
    with pytest.raises(BadInput, match="'ghost'"):
        CoreMLReferenceRunner(package.write())


def test_shapes_that_do_not_fit_name_the_operation(tmp_path: Path) -> None:
    package = sums_in_float16(tmp_path)
    package.op("reshape", "z", (1, 3), x="y", shape=[1, 3])
    package.output("z", (1, 3))
    runner = CoreMLReferenceRunner(package.write())
    with pytest.raises(BadInput, match=r"'reshape' \(output 'z'"):
        runner.run({"x": X})


def test_an_image_input_is_refused(tmp_path: Path) -> None:
    package = sums_in_float16(tmp_path)
    package.spec.description.input[0].type.imageType.width = 3
    with pytest.raises(Unsupported, match="kind image"):
        CoreMLReferenceRunner(package.write())


def test_no_such_function(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no function 'other'"):
        CoreMLReferenceRunner(sums_in_float16(tmp_path).write(), function="other")


def test_another_function_of_a_package(tmp_path: Path) -> None:
    package = sums_in_float16(tmp_path)
    other = package.spec.mlProgram.functions["other"]
    other.CopyFrom(package.main)
    other.block_specializations["CoreML7"].operations[1].type = "sub"
    description = package.spec.description
    for name in ("main", "other"):
        each = description.functions.add(name=name)
        each.input.extend(description.input)
        each.output.extend(description.output)
    description.defaultFunctionName = "main"
    path = package.write()
    x = np.array([[1.0, 2.0]], np.float32)
    assert CoreMLReferenceRunner(path).run({"x": x})["y"].tolist() == [[2.0, 3.0]]
    other_runner = CoreMLReferenceRunner(path, function="other")
    assert other_runner.run({"x": x})["y"].tolist() == [[0.0, 1.0]]
