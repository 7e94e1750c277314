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
from edgeconv.targets import files
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


def _transposed(inputs: int) -> Body:
    """A transposed convolution with three taps and a stride of one."""

    def body(b: ProgramBuilder, x: Any) -> Any:
        wide = b.op("tile", "wide", steps(b, x), unsigned(1, inputs // 3, 1, 1))
        kernel = b.kernel("up_kernel", numbers(inputs, 3, 1, 3), 1)
        none, one = unsigned(0, 0), unsigned(1)[0]
        settings = (unsigned(1, 1), none, unsigned(1, 1), none, one)
        return pooled(b, b.op("conv_transpose2d", "up", wide, kernel, *settings))

    return body


def _long_product(terms: int) -> Body:
    def body(b: ProgramBuilder, x: Any) -> Any:
        row = b.reshape(b.floats(x, "half"), (1, 1, 1, 48), "rows")
        long = b.op("tile", "long", row, unsigned(1, 1, 1, terms // 48))
        kernel = b.weight("table", numbers(1, 1, terms, 3))
        return b.reshape(b.op("batch_matmul", "product", long, kernel), (1, 3), "row")

    return body


def _activated(kind: str) -> Body:
    def body(b: ProgramBuilder, x: Any) -> Any:
        return pooled(b, b.op(kind, "bent", convolution(b, steps(b, x), numbers(3, 3, 1, 5))))

    return body


CASES: dict[str, Body] = {
    "float16-sum": _transposed(96),
    "gelu-float16": _activated("gelu"),
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
    (finding,) = lint(write(tmp_path / "broken.aimodel", CASES[rule]))
    expected = next(row for row in lints.RULES if row.name == rule)
    assert (finding.rule, finding.severity, finding.advice) == (
        rule,
        expected.severity,
        expected.cure,
    )
    assert finding.where


@pytest.mark.parametrize(
    "body",
    [_transposed(84), _long_product(240), _activated("silu")],
    ids=["84 × 3 terms", "240 terms", "silu"],
)
def test_short_sums_and_other_activations_are_in_order(body: Body, tmp_path: Path) -> None:
    assert _found(write(tmp_path / "fine.aimodel", body)) == []


def test_a_long_product_is_found_and_not_in_float32(tmp_path: Path) -> None:
    (finding,) = lint(write(tmp_path / "long.aimodel", _long_product(288)))
    assert (finding.rule, finding.where) == ("float16-sum", "product")
    assert finding.text == "batch_matmul adds 288 terms in float16"
    wide = _found(write(tmp_path / "wide.aimodel", _long_product(288), "float32"))
    assert wide == ["neural-engine-float32"]


def by_hand(path: Path, shape: tuple[int, ...], *names: str) -> Path:
    """As another tool writes it: the first input times a constant; −1 is a free dimension."""
    import coreai.authoring
    from coreai._compiler import ir
    from coreai._compiler.dialects import coreai as dialect
    from coreai.authoring.context import Context
    from coreai.authoring.graph_builder import GraphOp

    with Context()._mlir_context, ir.Location.unknown():
        module = ir.Module.create()
        sizes = [ir.ShapedType.get_dynamic_size() if n < 0 else n for n in shape]
        type_ = ir.RankedTensorType.get(sizes, ir.F32Type.get())
        with ir.InsertionPoint(module.body):
            main = GraphOp("main", [type_] * len(names), [type_], list(names), ["products"])
            with main.block:
                table = dialect.constant(numbers(1, 48).astype(np.float32))
                product = dialect.broadcasting_mul(main.arguments[0], table)
                dialect.output([product])
        coreai.authoring.AIProgram._from_mlir_module(module).save_asset(path)
    asset.write_metadata(path, ModelMetadata("other", SIGNAL))
    return path


@pytest.mark.parametrize(
    ("rule", "shape", "names"),
    [
        ("", (1, 48), ("sensor",)),
        ("dynamic-batch", (-1, 48), ("sensor",)),
        ("dynamic-shape", (1, -1), ("sensor",)),
        ("unused-input", (1, 48), ("sensor", "spare")),
        ("converter-names", (1, 48), ("var_12",)),
    ],
)
def test_inputs_as_other_tools_write_them(
    rule: str, shape: tuple[int, ...], names: tuple[str, ...], tmp_path: Path
) -> None:
    found = _found(by_hand(tmp_path / "other.aimodel", shape, *names))
    assert found == [rule] * bool(rule)


def test_a_product_of_four_dimensions_is_the_cure(tmp_path: Path) -> None:
    assert _found(write(tmp_path / "four.aimodel", lambda b, x: _product(b, x, (1, 1, 1)))) == []


def test_float32_stays_off_the_neural_engine(tmp_path: Path) -> None:
    assert _found(write(tmp_path / "wide.aimodel", dtype="float32")) == ["neural-engine-float32"]


def test_values_that_float16_cannot_hold_need_samples(tmp_path: Path) -> None:
    """They are computed in float32, so that they have a size."""
    path = write(tmp_path / "large.aimodel")
    assert lint(path, {"conv": (-65_504.0, 1.0)}) == []
    for low, high in ((-65_600.0, 1.0), (0.0, float("nan"))):
        (finding,) = lint(path, {"conv": (low, high), "unknown": (0.0, 1e9)})
        assert (finding.rule, finding.where) == ("float16-overflow", "conv")


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "silent.aimodel", signal=None)
    assert set(_found(path)) == {"no-contract", "no-labels"}
    other = write(tmp_path / "other.aimodel", signal=replace(SIGNAL, window=17))
    assert _found(other) == ["contract-input"]


def test_class_names_of_any_kind_are_kept(tmp_path: Path) -> None:
    hostile = ('say """hi""", $x ${y} \\', "歩く שלום`'<b>|]]>&", "null")
    path = write(tmp_path / "named.aimodel", signal=replace(SIGNAL, labels=hostile))
    assert asset.read_labels(path) == hostile
    assert files.describe(path).contract.labels == hostile


def test_every_rule_has_its_case() -> None:
    elsewhere = {"float16-overflow", "neural-engine-float32", "contract-input", "no-contract"}
    elsewhere |= {"no-labels", "producer-not-loaded"}  # the last in test_asset.py
    written = {"dynamic-batch", "dynamic-shape", "unused-input", "converter-names"}
    assert {rule.name for rule in lints.RULES} == {*CASES, *elsewhere, *written}
