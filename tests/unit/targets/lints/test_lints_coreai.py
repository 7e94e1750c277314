"""Rules for Core AI files: each has a file that breaks it, and it alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import Signal
from edgeconv.core.metadata import ModelMetadata
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import SOFTMAX, Activation, Dense, Value
from edgeconv.runtimes import unavailable
from edgeconv.targets.coreai import asset, lints
from edgeconv.targets.coreai.builder import ProgramBuilder, signed, unsigned
from edgeconv.targets.coreai.lowering import LOWERINGS
from edgeconv.targets.coreai.storage import store_float
from edgeconv.targets.files import lint

SIGNAL = Signal(window=16, step=8, labels=("still", "walk", "run"))
Body = Callable[[ProgramBuilder, Any], Any]
"""From the builder and the input, (1, 48), to three numbers, (1, 3)."""


@pytest.fixture(autouse=True)
def _needs_coreai() -> None:
    reason = unavailable("any.aimodel", "coreai")
    if reason is not None:
        pytest.skip(reason)


def numbers(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(0, 0.1, shape)


def convolution(b: ProgramBuilder, x: Any, kernel: Any, stride: tuple[int, int] = (1, 1)) -> Any:
    one = unsigned(1)[0]
    stored = b.kernel("conv_kernel", kernel, 0)
    return b.op("conv2d", "conv", x, stored, unsigned(*stride), unsigned(1, 1), one)


def steps(b: ProgramBuilder, x: Any, height: int = 1) -> Any:
    width = 48 // 3 // height
    return b.reshape(b.floats(x, "half"), (1, 3, height, width), "steps")


def pooled(b: ProgramBuilder, x: Any) -> Any:
    return b.reshape(b.op("reduce_mean", "mean", x, signed(2, 3)), (1, 3), "row")


def plain(b: ProgramBuilder, x: Any) -> Any:
    return pooled(b, convolution(b, steps(b, x), numbers(3, 3, 1, 5)))


def write(
    path: Path, body: Body = plain, dtype: str = "float16", signal: Signal | None = SIGNAL
) -> Path:
    """The body with a softmax behind it, and metadata where there is a signal."""
    entry = Value("sensor", (48,))
    node = Dense(label="body", inputs=(entry,), kernel=np.zeros((48, 3)), bias=np.zeros(3))
    last = Activation(label="probabilities", inputs=node.outputs, function=SOFTMAX)
    graph = Graph("small", (entry,), last.outputs, (node, last))
    lowerings: Any = {**LOWERINGS, Dense: lambda builder, _, x: body(builder, x)}
    ProgramBuilder(graph, lowerings, dtype, store_float).write(("probabilities",), path)
    if signal is not None:
        asset.write_metadata(path, ModelMetadata("small", signal))
    return path


def _weight(number: float) -> Body:
    def body(b: ProgramBuilder, x: Any) -> Any:
        kernel = numbers(3, 3, 1, 5)
        kernel[1, 2, 0, 3] = number
        return pooled(b, convolution(b, steps(b, x), kernel))

    return body


def _single_precision_between(b: ProgramBuilder, x: Any) -> Any:
    y = b.cast(convolution(b, steps(b, x), numbers(3, 3, 1, 5)), "float32", "wide")
    return pooled(b, b.cast(b.op("exp", "grown", y), "float16", "narrow"))


def _product(b: ProgramBuilder, x: Any, shape: tuple[int, ...]) -> Any:
    """x · relu(minimum(x · 0.2 + 0.5, 1)) of a matrix product, as converters write a hard-swish."""
    row = b.reshape(b.floats(x, "half"), (*shape, 48), "rows")
    kernel = b.weight("table", numbers(*shape[:-1], 48, 3))
    y = b.op("broadcasting_add", "bias", b.op("batch_matmul", "product", row, kernel), 0.1)
    line = b.op("broadcasting_add", "line", b.op("broadcasting_mul", "share", y, 0.2), 0.5)
    gate = b.op("relu", "gate", b.op("broadcasting_minimum", "top", line, 1.0))
    return b.reshape(b.op("broadcasting_mul", "hard_swish", y, gate), (1, 3), "row")


def _deep(b: ProgramBuilder, x: Any) -> Any:
    y = convolution(b, steps(b, x), numbers(3, 3, 1, 5))
    deep = b.op("relu", "kept", b.reshape(y, (1, 3, 1, 3, 2, 2), "deep"))
    return pooled(b, b.reshape(deep, (1, 3, 1, 12), "flat"))


def _columns(b: ProgramBuilder, x: Any) -> Any:
    y = convolution(b, steps(b, x, 16), numbers(3, 3, 1, 1))
    return pooled(b, b.op("relu", "kept", y))


CASES: dict[str, Body] = {
    "weights-nan": _weight(float("nan")),
    "weights-infinite": _weight(float("inf")),
    "weights-none": lambda b, x: pooled(b, b.op("relu", "kept", steps(b, x))),
    "float32-inside": _single_precision_between,
    "hard-swish-after-product": lambda b, x: _product(b, x, (1,)),
    "neural-engine-rank": _deep,
    "neural-engine-kernel": lambda b, x: pooled(
        b, convolution(b, steps(b, x), numbers(3, 3, 1, 9))
    ),
    "neural-engine-last-axis": _columns,
    "neural-engine-stride": lambda b, x: pooled(
        b, convolution(b, steps(b, x), numbers(3, 3, 1, 5), (1, 5))
    ),
}


def _found(path: Path) -> list[str]:
    return [finding.rule for finding in lint(path)]


def test_a_file_in_order_breaks_no_rule(tmp_path: Path) -> None:
    assert _found(write(tmp_path / "fine.aimodel")) == []


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_what_breaks_it_and_no_more(rule: str, tmp_path: Path) -> None:
    (found,) = lint(write(tmp_path / "broken.aimodel", CASES[rule]))
    expected = next(row for row in lints.RULES if row.name == rule)
    assert (found.rule, found.severity, found.advice) == (rule, expected.severity, expected.cure)
    assert found.where


def test_a_product_of_four_dimensions_is_the_cure(tmp_path: Path) -> None:
    assert _found(write(tmp_path / "four.aimodel", lambda b, x: _product(b, x, (1, 1, 1)))) == []


def test_float32_stays_off_the_neural_engine(tmp_path: Path) -> None:
    assert _found(write(tmp_path / "wide.aimodel", dtype="float32")) == ["neural-engine-float32"]


def test_values_that_float16_cannot_hold_need_samples(tmp_path: Path) -> None:
    """They are computed in float32, so that they have a size."""
    path = write(tmp_path / "large.aimodel")
    assert lint(path, {"conv": (-65_504.0, 1.0)}) == []
    for low, high in ((-65_600.0, 1.0), (0.0, float("nan"))):
        (found,) = lint(path, {"conv": (low, high), "unknown": (0.0, 1e9)})
        assert (found.rule, found.where) == ("float16-overflow", "conv")


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "silent.aimodel", signal=None)
    assert set(_found(path)) == {"no-contract", "no-labels"}
    other = write(tmp_path / "other.aimodel", signal=replace(SIGNAL, window=17))
    assert _found(other) == ["contract-input"]


def test_every_rule_has_its_case() -> None:
    elsewhere = {"float16-overflow", "neural-engine-float32", "contract-input", "no-contract"}
    elsewhere |= {"no-labels", "producer-not-loaded"}  # the last in test_asset.py
    of_others = {"dynamic-batch", "dynamic-shape", "unused-input", "converter-names"}
    assert {rule.name for rule in lints.RULES} == {*CASES, *elsewhere, *of_others}
