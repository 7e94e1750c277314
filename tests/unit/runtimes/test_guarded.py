"""Files that would take this process with them, or fail in the middle, are tried in another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput
from edgeconv.runtimes import crash_probe, open_runner
from edgeconv.runtimes.crash_probe import main, probe, run_apart
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


def test_run_apart_gives_what_the_runner_gives(tmp_path: Path) -> None:
    path = Net().write(tmp_path / "fine.tflite")
    arrays = {"sensor": np.random.default_rng(0).normal(size=(35, 4)).astype(np.float32)}
    with open_runner(path) as runner:
        expected = runner.run(arrays)
    found = run_apart(path, "litert", arrays)
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    with pytest.raises(BadInput, match="inputs are"):
        run_apart(path, "litert", {"other": arrays["sensor"]})


def endless(path: Path) -> Path:
    """A loop that doubles its value until that is large: a negative one stays so."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((1, 4), name="x")], autograph=False)  # type: ignore[untyped-decorator]
    def double(x: Any) -> Any:
        grow, small = lambda y: (y * 2,), lambda y: tf.reduce_sum(y) < 1000.0
        return tf.while_loop(small, grow, [x + 1e-3])[0]

    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [double.get_concrete_function()], double
    )
    path.write_bytes(converter.convert())
    return path


@pytest.mark.heavy
def test_a_loop_that_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = endless(tmp_path / "endless.tflite")
    probe(path)  # it ends for zeros
    monkeypatch.setattr(crash_probe, "SECONDS", 5.0)
    positive = np.ones((3, 4), np.float32)
    assert run_apart(path, "litert", {"x": positive})
    with pytest.raises(BadInput, match="did not end within 5 s") as caught:
        run_apart(path, "litert", {"x": -positive})
    assert "WHILE" in caught.value.hint


def test_what_cannot_be_opened_is_left_to_the_runner(tmp_path: Path) -> None:
    path = tmp_path / "text.tflite"
    path.write_text("no model")
    probe(path)
