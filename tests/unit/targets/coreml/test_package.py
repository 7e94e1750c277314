from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeconv.core import InputConvention, Signal
from edgeconv.core.metadata import CONTRACT_KEY, ModelMetadata
from edgeconv.core.paths import sha256
from edgeconv.errors import BadInput
from edgeconv.targets import files
from edgeconv.targets.coreml import metadata, package, program_graph
from edgeconv.targets.coreml.program import read_program
from edgeconv.targets.files import lint

Make = Callable[[], Path]


def test_the_graph_of_a_hand_made_package(make_package: Make) -> None:
    path = make_package()
    graph = program_graph.read_graph(path)
    assert graph.kinds == ("linear", "classify")
    assert (graph.parameters, graph.macs) == (8, 8)
    assert program_graph.read_labels(path) == ("still", "geht")
    assert package.read_contract(path) is None


def test_embedding_names_and_describes(make_package: Make, signal: Signal) -> None:
    path = make_package()
    metadata.embed(path, ModelMetadata("tiny", signal.for_sensor(InputConvention.IOS)))
    found = files.describe(path)
    assert found.target == "coreml"
    assert [t.name for t in found.inputs] == ["sensor"]
    assert {t.name: t.shape for t in found.outputs} == {"label": (), "probabilities": (2,)}
    assert found.signal.sensor is InputConvention.IOS
    spec = package.read_spec(path)
    fields = spec.description.metadata.userDefined
    assert fields["com.edgeconv.unit"] == "g"
    assert json.loads(fields[CONTRACT_KEY])["sign"] == "ios"
    block = spec.mlProgram.functions["main"].block_specializations["CoreML5"]
    assert list(block.outputs) == ["label", "probabilities"]
    # the inner value that had the public name made room, also where it is read
    classify = block.operations[-1]
    assert classify.inputs["probabilities"].arguments[0].name == "probabilities_values"


def test_embedding_twice_gives_the_same_bytes(make_package: Make, signal: Signal) -> None:
    path = make_package()
    metadata.embed(path, ModelMetadata("tiny", signal))
    once = sha256(path)
    manifest = json.loads((path / "Manifest.json").read_text())
    assert len(manifest["itemInfoEntries"]) == 1  # eight weights need no file of their own
    metadata.embed(path, ModelMetadata("tiny", signal))
    assert sha256(path) == once


def test_weights_are_read_and_bounds_are_checked(make_package: Make) -> None:
    path = make_package()
    ((name, constant),) = [
        (name, c) for name, c in read_program(path).constants() if c.in_weight_file
    ]
    assert (name, constant.type.dtype, constant.value.shape) == ("w", "float32", (2, 4))
    weights = package.model_file(path).parent / package.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(BadInput, match=r"constant 'w': .*the file is truncated: it has 159 bytes"):
        assert read_program(path).function().constants["w"].value
    weights.unlink()
    with pytest.raises(BadInput, match=r"weight\.bin is missing or empty"):
        assert read_program(path).function().constants["w"].value


def test_damaged_packages_are_bad_input(make_package: Make, tmp_path: Path) -> None:
    path = make_package()
    model = package.model_file(path)
    whole = model.read_bytes()
    model.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="truncated"):
        program_graph.read_graph(path)
    model.unlink()
    with pytest.raises(BadInput, match="is missing"):
        program_graph.read_graph(path)
    (path / "Manifest.json").write_text("{")
    with pytest.raises(BadInput, match="Manifest"):
        program_graph.read_graph(path)
    shutil.rmtree(path)
    with pytest.raises(BadInput, match="does not exist"):
        files.describe(path)
    other = tmp_path / "model.pt"
    other.write_bytes(b"x")
    with pytest.raises(BadInput, match="not a model file that edgeconv knows"):
        files.describe(other)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1))
def test_flipped_bits_are_bad_input_or_harmless(
    whole: Path, flips: list[tuple[float, int]]
) -> None:
    model = package.model_file(whole)
    before = model.read_bytes()
    data = bytearray(before)
    for place, bit in flips:
        data[int(place * len(data))] ^= 1 << bit
    model.write_bytes(data)
    try:
        for read in (
            program_graph.read_graph,
            program_graph.read_labels,
            files.read_contract,
            lint,
        ):
            with contextlib.suppress(BadInput):
                read(whole)
    finally:
        model.write_bytes(before)


@pytest.fixture
def whole(make_package: Make, signal: Signal) -> Path:
    path = make_package()
    metadata.embed(path, ModelMetadata("tiny", signal))
    return path


def test_an_operation_without_its_inputs_is_bad_input(whole: Path) -> None:
    spec = package.read_spec(whole)
    block = spec.mlProgram.functions["main"].block_specializations["CoreML5"]
    block.operations[1].inputs.clear()
    package.model_file(whole).write_bytes(spec.SerializeToString())
    said = r"operation 'linear' \(output '\w+', number 1\) has no 'x'"
    with pytest.raises(BadInput, match=said):
        program_graph.read_graph(whole)
