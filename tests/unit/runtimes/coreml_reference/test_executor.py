"""Memory is bounded by the plan, and parts of a batch do not depend on each other."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeconv.runtimes.coreml_reference import threads
from edgeconv.runtimes.coreml_reference.executor import (
    CHUNK,
    CHUNK_BYTES,
    Engine,
    ProgramExecutor,
    peak_bytes,
)
from edgeconv.runtimes.coreml_reference.plan import ExecutionPlan, Planner
from edgeconv.runtimes.coreml_reference.precision import Compute
from edgeconv.runtimes.coreml_reference.runner import CoreMLReferenceRunner
from edgeconv.targets.coreml.program import Argument, Block, Operation
from edgeconv.targets.coreml.values import ProgramValue, ValueType

from .programs import Package

MEGABYTE = 1 << 20
WIDE = MEGABYTE // 4  # numbers of a float32 tensor of one megabyte


def line(length: int, extra: bool = False, width: int = WIDE) -> ExecutionPlan:
    """`length` times tanh, each of a tensor (1, width); `extra` adds the first one at the end."""
    type_ = ValueType("float32", (1, width))
    operations = [
        Operation("tanh", i, {"x": (f"y{i - 1}" if i else "x",)}, (ProgramValue(f"y{i}", type_),))
        for i in range(length)
    ]
    if extra:
        both: dict[str, tuple[Argument, ...]] = {"x": ("y0",), "y": (f"y{length - 1}",)}
        operations.append(Operation("add", length, both, (ProgramValue("sum", type_),)))
    last = operations[-1].outputs[0][0]
    return Planner(Compute.FLOAT32).plan(Block({"x": type_}, (last,), tuple(operations)))


def traced(work: Callable[[], object]) -> int:
    """Peak of newly allocated bytes, NumPy's own among them."""
    tracemalloc.start()
    try:
        kept = work()
        peak = tracemalloc.get_traced_memory()[1]
        del kept
    finally:
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize(("extra", "tensors"), [(False, 2), (True, 3)])
def test_the_plan_tells_how_many_tensors_live_at_once(extra: bool, tensors: int) -> None:
    plan = line(20, extra)
    assert peak_bytes(plan, Compute.FLOAT32) == tensors * MEGABYTE
    assert peak_bytes(plan, Compute.FLOAT64) == 2 * tensors * MEGABYTE
    x = np.ones((1, WIDE), np.float32)
    peak = traced(lambda: Engine(Compute.FLOAT32).run(plan, {"x": x}))
    # The input itself was allocated before.
    assert peak < (tensors + 0.1) * MEGABYTE


def test_forgetting_nothing_breaks_the_bound() -> None:
    """The bound above is no accident: the same operations without the plan need ten times it."""
    from dataclasses import replace

    plan = line(20)
    greedy = replace(plan, steps=tuple(replace(step, dead=()) for step in plan.steps))
    x = np.ones((1, WIDE), np.float32)
    assert traced(lambda: Engine(Compute.FLOAT32).run(greedy, {"x": x})) > 19 * MEGABYTE


@pytest.mark.parametrize(("width", "chunk"), [(10, CHUNK), (WIDE, 4), (8 * WIDE, 1)])
def test_wide_tensors_make_smaller_chunks(width: int, chunk: int) -> None:
    executor = ProgramExecutor(line(3, width=width), Compute.FLOAT32, 0, one_sample=True)
    assert executor.vectorized
    assert executor.chunk == chunk
    assert chunk == 1 or chunk * 2 * width * 4 <= CHUNK_BYTES


def network(folder: Path) -> Path:
    """A convolution with more intermediate numbers (16 × 60) than inputs or outputs."""
    package = Package(folder / "net.mlpackage")
    package.input("x", (1, 3, 1, 64))
    weight = np.random.default_rng(0).normal(size=(16, 3, 1, 5)).astype(np.float32)
    package.weight("w", weight)
    parameters = {"weight": "w", "strides": [1, 1], "pad_type": np.str_("valid")}
    package.op("conv", "c", (1, 16, 1, 60), "float16", x="x", **parameters)
    package.op("relu", "r", (1, 16, 1, 60), "float16", x="c")
    package.op("reduce_mean", "y", (1, 16), x="r", axes=[2, 3], keep_dims=False)
    package.output("y", (1, 16))
    return package.write()


@pytest.mark.parametrize("cores", [1, 2])
def test_memory_does_not_grow_with_the_samples_beyond_the_outputs(
    tmp_path: Path, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "usable_cores", lambda: cores)
    runner = CoreMLReferenceRunner(network(tmp_path))
    x = np.random.default_rng(1).normal(size=(6000, 3, 1, 64)).astype(np.float32)
    runner.run({"x": x})
    part = traced(lambda: runner.run({"x": x[:CHUNK]}))
    whole = traced(lambda: runner.run({"x": x}))
    outputs = 6000 * 16 * 4
    # Parts and the joined array hold the outputs twice; each part is a task with its own results.
    assert whole < cores * part + 3 * outputs
    assert 5 * whole < 6000 * 16 * 60 * 4  # what holding one intermediate would take


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_results_do_not_depend_on_the_number_of_threads(
    tmp_path: Path, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = CoreMLReferenceRunner(network(tmp_path))
    x = np.random.default_rng(1).normal(size=(300, 3, 1, 64)).astype(np.float32)
    expected = [runner.run({"x": x[i : i + CHUNK]})["y"] for i in range(0, 300, CHUNK)]
    monkeypatch.setattr(threads, "usable_cores", lambda: cores)
    np.testing.assert_array_equal(runner.run({"x": x})["y"], np.concatenate(expected))


def test_blas_gets_its_threads_back() -> None:
    functions = threads._functions()
    if functions is None:
        pytest.skip("NumPy works with another BLAS than OpenBLAS here")
    get, _ = functions
    before = get()
    with threads.one_thread():
        with threads.one_thread():
            assert get() == 1
        assert get() == 1
    assert get() == before


def test_an_error_in_a_part_is_the_error_of_the_whole() -> None:
    def work(part: int) -> int:
        if part == 3:
            raise ValueError("part 3")
        return part

    assert threads.parallel_map(work, [1, 2]) == [1, 2]
    with pytest.raises(ValueError, match="part 3"):
        threads.parallel_map(work, [1, 2, 3, 4])
