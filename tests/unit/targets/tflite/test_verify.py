"""A damaged flatbuffer ends in one sentence that names the field, its table and the file's size."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edgeconv.cli.app import run_app
from edgeconv.errors import BadInput
from edgeconv.targets import files
from edgeconv.targets.tflite.reader import read_graph
from edgeconv.targets.tflite.verify import verify
from tests.unit.targets.lints.flatbuffers_by_hand import SIGNAL, Net

PYTHON = re.compile(
    r"\w*(Error|Exception)\b|unpack(_\w+)?\b|index out of range|object is not|argument"
)
FAR, NEGATIVE = 10_000_000, -16_232


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return Net().write(tmp_path / "net.tflite", SIGNAL)


def place_of(data: bytes, table: str, field: int) -> int:
    """Where the offset of a field stands: in the model, its first graph or its first tensor."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    found = {"Model": model, "SubGraph": graph, "Tensor": graph.Tensors(0)}[table]._tab
    return int(found.Pos + found.Offset(4 + 2 * field))


@pytest.mark.parametrize("value", [FAR, NEGATIVE])
@pytest.mark.parametrize(
    ("table", "field", "said"),
    [
        ("Model", 1, "in the model, which begins at byte .*'OperatorCodes'"),
        ("Model", 2, "in the model, .*'Subgraphs'"),
        ("SubGraph", 0, r"in Model\.Subgraphs\[0\], .*'Tensors'"),
        ("SubGraph", 3, r"in Model\.Subgraphs\[0\], .*'Operators'"),
        ("Tensor", 0, r"in SubGraph\.Tensors\[0\], .*'Shape'"),
        ("Tensor", 3, r"in SubGraph\.Tensors\[0\], .*'Name'"),
    ],
)
def test_verify_names_the_field_that_leads_out(
    whole: Path, table: str, field: int, said: str, value: int, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(whole.read_bytes())
    struct.pack_into("<i", data, place_of(bytes(data), table, field), value)
    whole.write_bytes(data)
    end = f"leads out of the file, which has {len(data):,} bytes"
    with pytest.raises(BadInput, match=f"net\\.tflite is truncated or damaged: {said} {end}"):
        read_graph(whole)
    assert run_app(["inspect", str(whole)]) == 3
    shown = " ".join(capsys.readouterr().err.split())
    assert re.search(f"{said} {end}", shown)
    assert not PYTHON.search(shown)


@pytest.mark.heavy
@pytest.mark.parametrize("value", [FAR, NEGATIVE])
def test_compare_says_the_same_as_inspect(
    whole: Path, value: int, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(whole.read_bytes())
    struct.pack_into("<i", data, place_of(bytes(data), "Tensor", 0), value)
    whole.write_bytes(data)
    assert run_app(["compare", str(whole), str(whole), "--data", "synthetic"]) == 3
    shown = " ".join(capsys.readouterr().err.split())
    assert "'Shape' leads out of the file, which has" in shown
    assert not PYTHON.search(shown)


def test_verify_accepts_a_whole_file(whole: Path) -> None:
    verify(whole, whole.read_bytes())


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.floats(0, 1, exclude_max=True), st.sampled_from([FAR, NEGATIVE, 0, 1, 255, -1]))
@example(0.947265625, FAR)  # the size that an attachment says it has
def test_any_damaged_number_is_refused_in_plain_words_or_harmless(
    whole: Path, place: float, value: int
) -> None:
    before = whole.read_bytes()
    data = bytearray(before)
    struct.pack_into("<i", data, int(place * (len(data) - 4)) // 4 * 4, value)
    whole.write_bytes(data)
    said = []
    for read in (files.describe, files.size_breakdown, files.lint):
        try:
            read(whole)
        except BadInput as error:
            said.append(error.message.replace(str(whole), ""))
    whole.write_bytes(before)
    assert not [message for message in said if PYTHON.search(message)]


def test_numbers_that_refer_to_nothing_are_named(tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    from edgeconv.targets.tflite import serialize

    cases: dict[str, Callable[[Any], None]] = {
        "tensor 'w' lies in buffer 99, of": lambda g: setattr(g.tensors[1], "buffer", 99),
        r"operation 0 \(FULLY_CONNECTED\) refers to tensor 77, of 5": lambda g: setattr(
            g.operators[0], "inputs", [0, 77]
        ),
        "operation 1 has the operator code 9, of 2": lambda g: setattr(
            g.operators[1], "opcodeIndex", 9
        ),
        "tensor 'w' has the type number 98": lambda g: setattr(g.tensors[1], "type", 98),
        "an input or output is tensor 50, of 5": lambda g: setattr(g, "outputs", [50]),
        r"operation 1 \(SOFTMAX\) has no output": lambda g: setattr(g.operators[1], "outputs", []),
        r"operation 0 \(FULLY_CONNECTED, 'scores'\) lacks an operand": lambda g: setattr(
            g.operators[0], "inputs", [0]
        ),
    }
    for said, damage in cases.items():
        path = Net().write(tmp_path / "net.tflite", None)
        tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
        damage(tree.subgraphs[0])
        path.write_bytes(serialize.pack(tree))
        with pytest.raises(BadInput, match=said):
            files.describe(path)
