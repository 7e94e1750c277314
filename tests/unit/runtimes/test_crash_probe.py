"""Files that would take this process with them, or fail in the middle, are tried in another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.errors import BadInput
from edgeconv.runtimes.crash_probe import main, probe
from tests.unit.targets.lints.flatbuffers_by_hand import Net, Op, Tensor


def crashing(path: Path) -> Path:
    """A kernel that claims to be far larger than the constant that it is unpacked from: LiteRT
    reads on past the end of the file. A single flipped bit can do this."""
    from ai_edge_litert import schema_py_generated as schema

    net = Net(
        tensors=[
            Tensor("sensor", (1, 1, 8, 4)),
            Tensor("half", (4, 1, 2, 4), "FLOAT16", data=np.ones(32, np.float16)),
            Tensor("w", (4, 1, 2**26 + 2, 4)),
            Tensor("b", (4,), data=np.ones(4, np.float32)),
            Tensor("probabilities", (1, 1, 7, 4)),
        ],
        ops=[
            Op("DEQUANTIZE", ["half"], ["w"]),
            Op("CONV_2D", ["sensor", "w", "b"], ["probabilities"]),
        ],
    )
    tree = net.tree()
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideW = options.strideH = 1
    options.dilationWFactor = options.dilationHFactor = 1
    convolution = tree.subgraphs[0].operators[1]
    convolution.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
    convolution.builtinOptions = options
    return net.write(path, None, tree)


def lacking(path: Path) -> Path:
    """An operation reads what nothing computes."""
    net = Net()
    net.tensors.append(Tensor("nothing", (1, 2)))
    net.ops[1] = Op("ADD", ["scores", "nothing"], ["probabilities"])
    return net.write(path, None)


def test_a_file_in_order_passes(tmp_path: Path) -> None:
    path = Net().write(tmp_path / "fine.tflite")
    probe(path)
    assert main(path) == 0


def test_a_file_that_kills_litert_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"LiteRT crashes on this file \(signal \d+\)") as caught:
        probe(crashing(tmp_path / "crash.tflite"))
    assert caught.value.exit_code == 3


def test_a_file_that_fails_in_the_middle_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lacking(tmp_path / "lacking.tflite")
    with pytest.raises(BadInput, match="Input tensor 5 lacks data"):
        probe(path)
    assert main(path) == 3
    assert "lacks data" in capsys.readouterr().out


def test_a_file_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"did not run this file in 0\.001 s"):
        probe(Net().write(tmp_path / "slow.tflite"), seconds=0.001)


def test_what_cannot_be_opened_is_left_to_the_runner(tmp_path: Path) -> None:
    path = tmp_path / "text.tflite"
    path.write_text("no model")
    probe(path)
