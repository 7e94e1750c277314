"""Reading the format: whatever is damaged is bad input, and weights may lie in another file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeconv.core import Signal
from edgeconv.core.metadata import ModelMetadata
from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes import RunLimits, inspectable, open_runner
from edgeconv.targets.onnx import model_file
from edgeconv.workflows.inspect import inspect_file

from .networks import classifier, constant, looped, model, value, write, write_with_weights_outside


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"no model at all", "not a protobuf message"),
        (b"\x08\x08", "holds no ONNX graph"),
    ],
)
def test_what_is_no_model_is_refused(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=words) as caught:
        model_file.read(path)
    assert caught.value.exit_code == 3


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        model_file.read(tmp_path / "m.onnx")
    with pytest.raises(BadInput, match="is a folder"):
        model_file.read(tmp_path)


def _short(network: Any) -> None:
    tensor = network.graph.initializer[0]
    tensor.raw_data = tensor.raw_data[:-4]


def _unknown_type(network: Any) -> None:
    network.graph.initializer[0].data_type = 99


def _negative(network: Any) -> None:
    network.graph.initializer[0].dims[0] = -6


def _no_source(network: Any) -> None:
    network.graph.node[1].input[0] = "nothing"


def _no_maker(network: Any) -> None:
    network.graph.output[0].name = "nobody"


def _no_output(network: Any) -> None:
    del network.graph.output[:]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_short, r"'kernel' holds 68, its shape \(6, 3\) needs 72"),
        (_unknown_type, "'kernel' has the element type 99"),
        (_negative, r"'kernel' has the shape \(-6, 3\)"),
        (_no_source, "Softmax '' reads 'nothing', which nothing makes"),
        (_no_maker, "nothing makes the output 'nobody'"),
        (_no_output, "has no output"),
    ],
)
def test_damage_is_named(damage: Any, words: str, tmp_path: Path) -> None:
    network = classifier()
    damage(network)
    with pytest.raises(BadInput, match=words):
        model_file.read(write(tmp_path / "m.onnx", network))


def damaged(cut: float, changes: list[tuple[float, int]]) -> bytes:
    """A file that was cut, or some of whose bytes were changed."""
    whole = bytearray(looped().SerializeToString() if changes else classifier().SerializeToString())
    for at, change in changes:
        whole[int(at * len(whole))] ^= change
    return bytes(whole) if changes else bytes(whole[: int(cut * len(whole))])


PLACES = st.floats(0, 1, exclude_max=True)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(PLACES, st.lists(st.tuples(PLACES, st.integers(1, 255)), max_size=3))
def test_any_damage_is_bad_input_or_harmless(
    tmp_path: Path, cut: float, changes: list[tuple[float, int]]
) -> None:
    """1,260 random damages of larger files ended in the same way."""
    path = tmp_path / "m.onnx"
    path.write_bytes(damaged(cut, changes))
    with suppress(BadInput, Unsupported):
        inspect_file(path)


@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(PLACES, st.integers(1, 255)), min_size=1, max_size=3))
def test_damage_that_runs_cannot_hang_or_crash_this_process(
    tmp_path: Path, changes: list[tuple[float, int]]
) -> None:
    """A changed loop may never end, so it runs as every command runs such a file: apart."""
    path = tmp_path / "m.onnx"
    path.write_bytes(damaged(0.0, changes))
    limits = RunLimits(seconds=10)
    with suppress(BadInput, Unsupported), open_runner(path, limits=limits) as runner:
        shapes = {n: [max(size, 1) for size in s.shape] for n, s in runner.inputs.items()}
        runner.run({n: np.zeros(shapes[n], s.dtype) for n, s in runner.inputs.items()})


def test_weights_in_another_file_are_read(tmp_path: Path) -> None:
    path = write_with_weights_outside(tmp_path / "m.onnx", classifier())
    found = inspect_file(path)
    assert found.cost.parameters == 21
    assert [lint.number for lint in found.lints if lint.rule == "external-data"] == ["L105"]
    x = np.ones((3, 6), np.float32)
    with open_runner(path) as outside, open_runner(write(tmp_path / "i.onnx", classifier())) as one:
        got, same = outside.run({"sensor": x}), one.run({"sensor": x})
        inside = inspectable(outside).intermediates({"sensor": x})
        assert set(inside) == {"sums", "probabilities"}
    np.testing.assert_array_equal(got["probabilities"], same["probabilities"])


def test_another_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = write_with_weights_outside(tmp_path / "m.onnx", classifier())
    (tmp_path / "m.onnx.data").write_bytes(b"short")
    with pytest.raises(BadInput, match=r"does not fit into the file 'm\.onnx\.data'"):
        inspect_file(path)
    (tmp_path / "m.onnx.data").unlink()
    model_file._read.cache_clear()
    with pytest.raises(BadInput, match=r"in the file 'm\.onnx\.data', which is not beside it"):
        inspect_file(path)


@pytest.mark.parametrize("place", ["../secret", "/etc/passwd", ""])
def test_another_file_outside_the_folder_is_refused(place: str, tmp_path: Path) -> None:
    network = classifier()
    tensor = network.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = tensor.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", place
    with pytest.raises(BadInput, match="outside its folder"):
        model_file.read(write(tmp_path / "m.onnx", network))


def test_metadata_comes_back(tmp_path: Path) -> None:
    labels = ('say """hi""", $x ${y} \\', "歩く שלום`'<b>|]]>&", "null")
    signal = Signal(window=2, step=1, labels=labels)
    path = write(tmp_path / "m.onnx", classifier())
    model_file.write_metadata(path, ModelMetadata("mine", signal))
    assert model_file.read_contract(path) == signal
    assert model_file.read_labels(path) == labels
    first = path.read_bytes()
    model_file.write_metadata(path, ModelMetadata("mine", signal))
    assert path.read_bytes() == first


@pytest.mark.parametrize("text", ["walk,run", '{"0": "walk"}', "[1, 2]"])
def test_labels_of_another_form_are_none(text: str, tmp_path: Path) -> None:
    network = classifier()
    entry = network.metadata_props.add()
    entry.key, entry.value = model_file.LABELS_KEY, text
    assert model_file.read_labels(write(tmp_path / "m.onnx", network)) == ()


def test_a_rename_keeps_every_reader() -> None:
    from onnx import helper

    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Neg", ["y"], ["z"])]
    graph = model(nodes, [value("x", 1)], [value("z", 1)], [constant("c", 1)]).graph
    model_file.rename(graph, {"z": "y", "x": "sensor"})
    assert [(*node.input, *node.output) for node in graph.node] == [
        ("sensor", "y_inner"),
        ("y_inner", "y"),
    ]
    assert (graph.input[0].name, graph.output[0].name) == ("sensor", "y")
