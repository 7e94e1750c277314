"""Every rule for TFLite files has a file that breaks it, and it alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeconv.targets.files import lint
from edgeconv.targets.tflite import lints
from edgeconv.targets.tflite import reader as format_
from tests.unit.targets.lints.flatbuffers_by_hand import SIGNAL, Net, Op, Tensor

Make = Callable[[Path], Path]
BROKEN: dict[str, Make] = {}


def breaks(rule: str) -> Callable[[Make], Make]:
    def note(make: Make) -> Make:
        BROKEN[rule] = make
        return make

    return note


@breaks("weights-nan")
def nan(path: Path) -> Path:
    net = Net()
    net.tensor("w").data[3] = np.nan
    return net.write(path)


@breaks("weights-infinite")
def overflowed(path: Path) -> Path:
    net = Net()
    net.tensor("w").data[3] = np.inf
    return net.write(path)


@breaks("flex-operation")
def flex(path: Path) -> Path:
    net = Net()
    net.ops[1].kind = "custom:FlexErf"
    return net.write(path)


@breaks("custom-operation")
def custom(path: Path) -> Path:
    net = Net()
    net.ops[1].kind = "custom:Ours"
    return net.write(path)


@breaks("contract-input")
def another_window(path: Path) -> Path:
    return Net().write(path, replace(SIGNAL, window=3))


@breaks("no-scale")
def unscaled(path: Path) -> Path:
    net = Net()
    net.tensors.append(Tensor("answer", dtype="UINT8"))
    net.ops.append(Op("CAST", ["probabilities"], ["answer"]))
    net.outputs = ["answer"]
    return net.write(path)


@breaks("weights-none")
def untrained(path: Path) -> Path:
    net = Net()
    net.tensor("sensor").shape = (1, 2)
    net.tensors = [t for t in net.tensors if t.name in ("sensor", "probabilities")]
    net.ops = [Op("SOFTMAX", ["sensor"], ["probabilities"])]
    return net.write(path, replace(SIGNAL, channels=("x",)))


@breaks("float-inside")
def islands(path: Path) -> Path:
    """int8 but for an exponential that has no kernel."""
    return quantized(fallback=True).write(path)


@breaks("bias-overflow")
def a_scale_next_to_nothing(path: Path) -> Path:
    """What a quantizer makes of a channel whose weights are all but zero: a bias at the limit."""
    net = quantized(fallback=False)
    net.tensor("b").data = np.array([5, 2**31 - 1], np.int32)
    return net.write(path)


@breaks("mixed-rank-broadcast")
def scores_and_mask(path: Path) -> Path:
    """(2, 2) and (1, 2, 2), as attention adds them to a mask."""
    net = Net()
    net.tensors += [Tensor("a", (2, 2)), Tensor("b", (1, 2, 2)), Tensor("sum", (1, 2, 2))]
    net.tensors.append(Tensor("flat", (1, 4)))
    net.ops = [
        Op("RESHAPE", ["sensor"], ["a"]),
        Op("RESHAPE", ["sensor"], ["b"]),
        Op("ADD", ["a", "b"], ["sum"]),
        Op("RESHAPE", ["sum"], ["flat"]),
        *net.ops,
    ]
    net.ops[4].inputs[0] = "flat"
    return net.write(path)


@breaks("dynamic-batch")
def free_batch(path: Path) -> Path:
    net = Net()
    net.tensor("sensor").free = (-1, 4)
    return net.write(path)


@breaks("dynamic-shape")
def free_width(path: Path) -> Path:
    net = Net()
    net.tensor("sensor").free = (1, -1)
    return net.write(path)


@breaks("broken-labels")
def a_name_too_many(path: Path) -> Path:
    return Net().write(path, replace(SIGNAL, labels=("still", "walking", "jogging")))


@breaks("unused-input")
def spare_input(path: Path) -> Path:
    net = Net()
    net.tensors.append(Tensor("spare", (1, 4)))
    net.inputs.append("spare")
    return net.write(path)


@breaks("dead-operations")
def dead(path: Path) -> Path:
    net = Net()
    net.tensors.append(Tensor("nothing"))
    net.ops.append(Op("RELU", ["scores"], ["nothing"]))
    return net.write(path)


@breaks("no-labels")
def nameless(path: Path) -> Path:
    return Net().write(path, replace(SIGNAL, labels=()))


def quantized(fallback: bool) -> Net:
    """Float ends round an int8 layer: QUANTIZE, FULLY_CONNECTED, SOFTMAX, DEQUANTIZE."""
    net = Net()
    small = [Tensor(n, dtype="INT8", scale=0.1) for n in ("scores_q", "answer_q")]
    net.tensors += [Tensor("sensor_q", (1, 4), "INT8", scale=0.1), *small]
    net.tensor("w").data = np.arange(8, dtype=np.int8)
    net.tensor("w").dtype, net.tensor("w").scale = "INT8", 0.1
    net.tensor("b").data = np.ones(2, np.int32)
    net.tensor("b").dtype, net.tensor("b").scale = "INT32", 0.01
    net.ops = [
        Op("QUANTIZE", ["sensor"], ["sensor_q"]),
        Op("FULLY_CONNECTED", ["sensor_q", "w", "b"], ["scores_q"]),
        Op("SOFTMAX", ["scores_q"], ["answer_q"]),
        Op("DEQUANTIZE", ["answer_q"], ["probabilities"]),
    ]
    if fallback:
        net.tensors += [Tensor("grown"), Tensor("grown_q", dtype="INT8", scale=0.1)]
        net.ops[2:3] = [
            Op("DEQUANTIZE", ["scores_q"], ["scores"]),
            Op("EXP", ["scores"], ["grown"]),
            Op("QUANTIZE", ["grown"], ["grown_q"]),
            Op("SOFTMAX", ["grown_q"], ["answer_q"]),
        ]
    return net


def test_files_in_order_break_no_rule(tmp_path: Path) -> None:
    assert lint(Net().write(tmp_path / "float.tflite")) == []
    assert lint(quantized(fallback=False).write(tmp_path / "int8.tflite")) == []


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_file_breaks_this_rule_and_no_other(rule: str, tmp_path: Path) -> None:
    findings = lint(BROKEN[rule](tmp_path / "broken.tflite"))
    assert [f.rule for f in findings] == [rule]
    expected = next(r for r in lints.RULES if r.name == rule)
    assert (findings[0].severity, findings[0].advice) == (expected.severity, expected.cure)


def test_a_foreign_file_says_nothing_of_itself(tmp_path: Path) -> None:
    """No contract, no labels; and the names that TensorFlow's exporter leaves."""
    net = Net()
    net.tensor("sensor").name = "serving_default_sensor:0"
    net.tensor("probabilities").name = "StatefulPartitionedCall:0"
    net.inputs, net.outputs = ["serving_default_sensor:0"], ["StatefulPartitionedCall:0"]
    net.ops[0].inputs[0], net.ops[1].outputs[0] = net.inputs[0], net.outputs[0]
    path = net.write(tmp_path / "foreign.tflite", None)
    assert [f.rule for f in lint(path)] == ["converter-names", "no-contract", "no-labels"]
    graph = format_.read_graph(path)
    assert [t.name for t in graph.inputs] == ["sensor"]
    assert [t.name for t in graph.outputs] == ["StatefulPartitionedCall"]


def test_bare_names_that_would_be_the_same_are_left_as_they_are(tmp_path: Path) -> None:
    net = Net()
    net.tensor("sensor").name = "serving_default_x:0"
    net.tensors.append(Tensor("x:1", (1, 4)))
    net.inputs, net.ops[0].inputs[0] = ["serving_default_x:0", "x:1"], "serving_default_x:0"
    path = net.write(tmp_path / "two.tflite", None)
    assert [t.name for t in format_.read_graph(path).inputs] == net.inputs


def test_a_bias_leaves_room_for_the_products(tmp_path: Path) -> None:
    """Σ |weight| of the second output is 4 + 5 + 6 + 7, an input is at most 128 from zero."""
    net = quantized(fallback=False)
    room = 2**31 - 1 - (4 + 5 + 6 + 7) * 128
    net.tensor("b").data = np.array([5, -room], np.int32)
    assert lint(net.write(tmp_path / "fits.tflite")) == []
    net.tensor("b").data = np.array([5, -room - 1], np.int32)
    (finding,) = lint(net.write(tmp_path / "over.tflite"))
    assert "1 of 2 channels of FULLY_CONNECTED can leave int32: channel 1" in finding.text


def test_a_bias_that_does_not_fit_its_weights_breaks_no_rule(tmp_path: Path) -> None:
    net = quantized(fallback=False)
    net.tensor("b").shape, net.tensor("b").data = (3,), np.full(3, 2**31 - 1, np.int32)
    assert lint(net.write(tmp_path / "damaged.tflite")) == []


def test_values_that_a_gpu_cannot_hold_need_samples(tmp_path: Path) -> None:
    path = Net().write(tmp_path / "large.tflite")
    assert lint(path, {"scores": (-65_504.0, 3.0)}) == []
    for low, high in ((-7e4, 3.0), (0.0, float("inf")), (float("nan"), float("nan"))):
        (finding,) = lint(path, {"scores": (low, high), "unknown": (0.0, 1e9)})
        assert (finding.rule, finding.where) == ("float16-overflow", "scores")


@pytest.mark.parametrize("shape", [(1, 2), (2,)])
def test_ranks_that_a_gpu_aligns_by_itself(shape: tuple[int, ...], tmp_path: Path) -> None:
    """With a first dimension of 1 both ways of counting dimensions are the same."""
    net = Net()
    net.tensors += [Tensor("a", shape), Tensor("b", (1, 2, 2)), Tensor("flat", (1, 4))]
    net.ops = [
        Op("RESHAPE", ["sensor"], ["a"]),
        Op("ADD", ["a", "b"], ["flat"]),
        *net.ops,
    ]
    net.inputs.append("b")
    net.ops[2].inputs[0] = "flat"
    found = {f.rule for f in lint(net.write(tmp_path / "aligned.tflite"))}
    assert "mixed-rank-broadcast" not in found


def test_every_rule_has_its_broken_file() -> None:
    elsewhere = {"converter-names", "no-contract", "float16-overflow"}
    assert set(BROKEN) | elsewhere == {rule.name for rule in lints.RULES}
