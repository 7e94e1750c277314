"""Each lint finds the file that breaks its rule, and no other does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgeconv.core import Signal
from edgeconv.core.metadata import ModelMetadata
from edgeconv.targets import files
from edgeconv.targets.onnx import lints, model_file
from tests.unit.targets.onnx.networks import (
    classifier,
    constant,
    model,
    value,
    write,
    write_with_weights_outside,
)

SIGNAL = Signal(window=2, step=1, labels=("a", "b", "c"))
Change = Callable[[Any], None]


def _weight(number: float) -> Change:
    def change(network: Any) -> None:
        kernel = np.ones((6, 3), np.float32)
        kernel[2, 1] = number
        network.graph.initializer[0].CopyFrom(constant("kernel", kernel))

    return change


def _free(at: int) -> Change:
    def change(network: Any) -> None:
        for side in (network.graph.input, network.graph.output):
            side[0].type.tensor_type.shape.dim[at].dim_param = "any"

    return change


def _node(kind: str, *inputs: str, output: str = "more", **attributes: Any) -> Change:
    def change(network: Any) -> None:
        node = helper.make_node(kind, inputs, [output], **attributes)
        network.graph.node.insert(0, node)

    return change


def _double(network: Any) -> None:
    _node("Cast", "sensor", output="sensor64", to=TensorProto.DOUBLE)(network)
    network.graph.node.insert(1, helper.make_node("Cast", ["sensor64"], ["single"], to=1))
    network.graph.node[2].input[0] = "single"


def _transposed(network: Any) -> None:
    _node("Transpose", "sensor", output="turned", perm=[1, 0])(network)
    network.graph.node.insert(1, helper.make_node("Transpose", ["turned"], ["back"]))
    network.graph.node[2].input[0] = "back"


def _custom(network: Any) -> None:
    _node("Fancy", "sensor", output="fancy", domain="mine")(network)
    network.graph.node[1].input[0] = "fancy"
    network.opset_import.append(helper.make_opsetid("mine", 1))


def _opset(network: Any) -> None:
    network.opset_import[0].version = 23


def _unused(network: Any) -> None:
    network.graph.input.append(value("other", 1, 6))


def _converters_name(network: Any) -> None:
    model_file.rename(network.graph, {"sensor": "args_0"})


def _without_weights(network: Any) -> None:
    network.graph.CopyFrom(
        model(
            [helper.make_node("Relu", ["sensor"], ["probabilities"])],
            [value("sensor", 1, 6)],
            [value("probabilities", 1, 6)],
        ).graph
    )


def _cut_bias(network: Any) -> None:
    """A quantized bias at the end of int32, and the scale that brought it there."""
    (kept,) = (t for t in network.graph.initializer if t.name == "kernel")
    bias = constant("bias_q", [3, 2**31 - 1, -4], "int32")
    kernel = type(kept)()
    kernel.CopyFrom(kept)
    del network.graph.initializer[:]
    network.graph.initializer.extend([kernel, bias, constant("scale", 1e-9)])
    node = helper.make_node("DequantizeLinear", ["bias_q", "scale"], ["bias"])
    network.graph.node.insert(0, node)


def _shifted(network: Any) -> None:
    """Pads of −1 and 2 keep the length and move the window."""
    network.graph.initializer.append(constant("three", [1, 1, 6], "int64"))
    network.graph.initializer.append(constant("two", [1, 6], "int64"))
    nodes = [
        helper.make_node("Reshape", ["sensor", "three"], ["row"]),
        helper.make_node("MaxPool", ["row"], ["moved"], kernel_shape=[2], pads=[-1, 2]),
        helper.make_node("Reshape", ["moved", "two"], ["flat"]),
    ]
    for at, node in enumerate(nodes):
        network.graph.node.insert(at, node)
    network.graph.node[3].input[0] = "flat"


CASES: dict[str, Change] = {
    "bias-overflow": _cut_bias,
    "negative-padding": _shifted,
    "weights-nan": _weight(float("nan")),
    "weights-infinite": _weight(float("inf")),
    "weights-none": _without_weights,
    "float64": _double,
    "newer-than-runtimes": _opset,
    "custom-operation": _custom,
    "dynamic-batch": _free(0),
    "layout-operations": _transposed,
    "unused-input": _unused,
    "dead-operations": _node("Relu", "sensor"),
}


def _write(folder: Path, change: Change, signal: Signal = SIGNAL) -> Path:
    path = write(folder / "m.onnx", classifier())
    model_file.write_metadata(path, ModelMetadata("m", signal))
    network = model_file.parse(path.read_bytes())
    change(network)
    return write(path, network)


def _found(path: Path) -> list[str]:
    return [finding.rule for finding in files.lint(path)]


def test_a_file_in_order_breaks_none(tmp_path: Path) -> None:
    assert _found(_write(tmp_path, lambda _: None)) == []


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_what_breaks_it_and_no_more(rule: str, tmp_path: Path) -> None:
    assert _found(_write(tmp_path, CASES[rule])) == [rule]


def test_rules_of_the_interface(tmp_path: Path) -> None:
    assert _found(_write(tmp_path, lambda _: None, Signal(window=3, step=1, labels=("a",)))) == [
        "contract-input"
    ]
    assert _found(_write(tmp_path, _free(1))) == ["dynamic-shape"]
    assert _found(write(tmp_path / "n.onnx", classifier())) == ["no-contract", "no-labels"]
    network = classifier()
    _converters_name(network)
    assert "converter-names" in _found(write(tmp_path / "c.onnx", network))
    outside = write_with_weights_outside(tmp_path / "o.onnx", classifier())
    assert _found(outside) == ["external-data", "no-contract", "no-labels"]


def test_every_rule_has_its_case() -> None:
    others = {
        "float16-overflow",
        "contract-input",
        "dynamic-shape",
        "no-contract",
        "no-labels",
        "converter-names",
    }
    assert {rule.name for rule in lints.RULES} == {*CASES, *others, "external-data"}


def test_same_padding_that_would_cut(tmp_path: Path) -> None:
    """(⌈6 / 4⌉ − 1) · 4 + 1 − 6 = −1, and 0 with a kernel of 2."""
    for kernel, expected in ((1, "the padding is -1"), (2, "")):
        network = model(
            [
                helper.make_node(
                    *("MaxPool", ["sensor"], ["few"]),
                    kernel_shape=[kernel],
                    strides=[4],
                    auto_pad="SAME_UPPER",
                )
            ],
            [value("sensor", 1, 1, 6)],
            [value("few", 1, 1, 2)],
        )
        path = write(tmp_path / f"{kernel}.onnx", network)
        texts = [f.text for f in files.lint(path) if f.rule == "negative-padding"]
        assert bool(texts) is bool(expected)
        assert all(expected in text for text in texts)


def test_values_that_a_phone_cannot_hold_need_samples(tmp_path: Path) -> None:
    path = _write(tmp_path, lambda _: None)
    assert files.lint(path, {"sums": (-65_504.0, 1.0)}) == []
    (finding,) = files.lint(path, {"sums": (-65_505.0, 1.0)})
    assert (finding.rule, finding.where) == ("float16-overflow", "sums")


def test_numbers_are_in_the_text(tmp_path: Path) -> None:
    texts = {
        finding.rule: finding.text
        for case in ("newer-than-runtimes", "layout-operations", "weights-nan")
        for finding in files.lint(_write(tmp_path, CASES[case]))
    }
    assert texts["newer-than-runtimes"] == "it needs opset 23, which came with ONNX 1.18.0"
    assert texts["layout-operations"] == "operations that only move values: 2 × Transpose"
    assert texts["weights-nan"] == "1 of 18 values are NaN"
