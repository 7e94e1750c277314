"""A random network in every format; the whole sweep is `python -m tests.sweep.run`."""

from __future__ import annotations

import numpy as np
import pytest

from edgeconv.core import NamedTensor, Samples, Tensors
from edgeconv.parity.named_outputs import NamedReference
from edgeconv.runtimes import unavailable

from .judgment import CELLS, CORE_AI, Cell, Reference
from .row import Row, sweep
from .table import page

SAMPLE = (2,)
GOOD, REFUSED = Cell("right", 1e-7, 120.0), Cell("refused", reason="layer 'a' | …")
OUTPUTS = {"a": np.linspace(-2, 2, 24).reshape(8, 3), "b": np.ones((8, 1))}


@pytest.mark.heavy
@pytest.mark.parametrize("number", SAMPLE)
def test_a_random_network_is_right_in_every_format(number: int) -> None:
    from .architectures import build

    names = (*CELLS, *(CORE_AI if unavailable("any.aimodel") is None else ()))
    cells = sweep(build(number), cells=names)
    assert {name: cell.result for name, cell in cells.items()} == dict.fromkeys(names, "right")


@pytest.fixture
def reference() -> Reference:
    inputs = (NamedTensor("x", (1,), "float32"),)
    outputs = (NamedTensor("a", (3,), "float32"), NamedTensor("b", (1,), "float32"))
    samples = Samples({"x": np.zeros((8, 1), np.float32)}, "zeros", random=True)
    return Reference(NamedReference(Tensors(inputs, outputs), samples, OUTPUTS))


def test_other_outputs_are_wrong(reference: Reference) -> None:
    def result(cell: str, outputs: dict[str, np.ndarray]) -> str:
        return reference.judge(cell, outputs).result

    assert result("tflite float32", OUTPUTS) == "right"
    assert result("tflite float32", {**OUTPUTS, "b": OUTPUTS["b"] + 3e-4}) == "wrong"
    assert result("onnx int8", {**OUTPUTS, "a": OUTPUTS["a"] * 1.02}) == "right"
    assert result("onnx int8", {**OUTPUTS, "a": OUTPUTS["a"] * 1.3}) == "wrong"
    for broken in (np.nan, np.inf):
        assert result("tflite float32", {**OUTPUTS, "a": OUTPUTS["a"] + broken}) == "wrong"
        assert result("coreml int8", {**OUTPUTS, "a": OUTPUTS["a"] + broken}) == "wrong"


def test_faults_are_what_is_wrong_or_below_the_bare_converter() -> None:
    both = {"x": GOOD, "y": REFUSED}
    assert Row(1, (), both, both).faults == []
    assert len(Row(1, (), {"x": REFUSED}, {"x": GOOD}).faults) == 1
    assert len(Row(1, (), {"x": Cell("noted")}, {"x": GOOD}).faults) == 1
    assert Row(1, (), {"x": Cell("noted")}, {"x": Cell("wrong")}).faults == []
    assert len(Row(1, (), {"x": Cell("wrong"), "y": Cell("crashed")}, {}).faults) == 2


def test_rows_survive_json() -> None:
    row = Row(3, ("a", "b"), {"x": GOOD}, {"x": Cell("failed", reason="?")}, "abc", {"keras": "3"})
    assert Row.from_json(row.to_json()) == row


def test_the_page_counts_and_names_every_refusal() -> None:
    ours = {**dict.fromkeys(CELLS, GOOD), "onnx int8": REFUSED}
    bare = {**dict.fromkeys(CELLS, GOOD), "tflite int8": Cell("crashed")}
    text = page([Row(7, ("sequence", "pool"), ours, bare, "abc", {"keras": "3"})])
    assert "| ONNX int8, edgeconv | 0 | 0 | 1 | 0 | 0 | 0 |  |" in text
    assert "| TFLite int8, bare converter | 0 | 0 | 0 | 0 | 0 | 1 |  |" in text
    assert "is not in 1,\nand the other way round in 1." in text
    assert "| 7 | ONNX int8 | refused | right | layer 'a' \\| … |" in text
    assert "| 7 | sequence, pool | ✓✓ | ✓c | ✓✓ | ✓✓ | ✓✓ | –✓ |" in text
    assert "Made from commit abc, with\nkeras 3." in text


def test_core_ai_has_a_section_of_its_own() -> None:
    row = Row(
        7, ("pool",), dict.fromkeys(CELLS, GOOD), dict.fromkeys(CELLS, GOOD), "abc", {"k": "3"}
    )
    ours = {"coreai float32": GOOD, "coreai int8": Cell("refused", reason="layer 'a'")}
    apart = Row(7, ("pool",), ours, {}, "def", {"coreai-core": "1.0.0b3"})
    text = page([row], [apart, Row(8, ("lstm",), {**ours, "coreai int8": GOOD}, {}, "def")])
    part = text.partition("## Core AI")[2].partition("## Every")[0]
    assert "2 of these networks" in part
    assert "coreai-core 1.0.0b3" in part
    assert "| float32 | 2 | 0 | 0 | 0 | 0 | 0 | 120.0 dB |" in part
    assert "| int8 | 1 | 0 | 1 | 0 | 0 | 0 | 120.0 dB |" in part
    assert "| 7 | pool | int8 | refused | layer 'a' |" in part
    assert "## Core AI" not in page([row])
