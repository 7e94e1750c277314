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


CASES: dict[str, Change] = {
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
    assert _found(_write(tmp_path, _free(1))) == ["contract-input", "dynamic-shape"]
    assert _found(write(tmp_path / "n.onnx", classifier())) == ["no-contract", "no-labels"]
    network = classifier()
    _converters_name(network)
    assert "converter-names" in _found(write(tmp_path / "c.onnx", network))
    outside = write_with_weights_outside(tmp_path / "o.onnx", classifier())
    assert _found(outside) == ["external-data", "no-contract", "no-labels"]


def test_every_rule_has_its_case() -> None:
    others = {"contract-input", "dynamic-shape", "no-contract", "no-labels", "converter-names"}
    assert {rule.name for rule in lints.RULES} == {*CASES, *others, "external-data"}


def test_numbers_are_in_the_text(tmp_path: Path) -> None:
    texts = {
        finding.rule: finding.text
        for case in ("newer-than-runtimes", "layout-operations", "weights-nan")
        for finding in files.lint(_write(tmp_path, CASES[case]))
    }
    assert texts["newer-than-runtimes"] == "it needs opset 23, which came with ONNX 1.18.0"
    assert texts["layout-operations"] == "operations that only move values: 2 × Transpose"
    assert texts["weights-nan"] == "1 of 18 values are NaN"
