"""The contract of named tensors: what it refuses, and that it reads back what it wrote."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import NamedTensor, Samples, Signal, Tensors
from edgeconv.core.metadata import contract_text, parse_contract
from edgeconv.core.tensors import MEANINGS, contract_entry, contract_of_entry
from edgeconv.errors import BadInput

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True)
SHAPES = st.lists(st.integers(1, 9), max_size=4).map(tuple)
RANGES = st.one_of(
    st.just((None, None)),
    st.tuples(st.floats(-9, 0), st.floats(0, 9)),
)


@st.composite
def contracts(draw: st.DrawFn) -> Tensors:
    names = draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
    cut = draw(st.integers(1, len(names) - 1))
    tensors = []
    for number, name in enumerate(names):
        low, high = draw(RANGES)
        dtype = draw(st.sampled_from(["float32", "int32"]))
        meaning = draw(st.sampled_from(MEANINGS)) if number >= cut else "values"
        tensors.append(NamedTensor(name, draw(SHAPES), dtype, low, high, meaning))
    return Tensors(tuple(tensors[:cut]), tuple(tensors[cut:]))


@given(contracts())
def test_json_reads_back_what_was_written(contract: Tensors) -> None:
    assert Tensors.from_json(contract.to_json()) == contract
    assert parse_contract(contract_text(contract), "x.tflite") == contract
    assert contract_of_entry(contract_entry(contract)) == contract


def test_a_manifest_says_which_contract_it_has() -> None:
    signal = Signal()
    assert list(contract_entry(signal)) == ["signal"]
    assert contract_of_entry({"signal": signal.to_json()}) == signal


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (0,)}, "is not fixed"),
        ({"low": 1.0}, "two ends"),
        ({"low": 2.0, "high": 1.0}, "is not a range"),
        ({"low": 0.0, "high": float("nan")}, "is not a range"),
        ({"meaning": "guesses"}, "unknown meaning"),
        ({"name": ""}, "without a name"),
    ],
)
def test_a_tensor_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        replace(NamedTensor("x", (3,)), **change)  # type: ignore[arg-type]


def test_names_are_unique_and_labels_fit() -> None:
    x, y = NamedTensor("x", (3,)), NamedTensor("y", (2,), meaning="probabilities")
    with pytest.raises(BadInput, match="called 'x'"):
        Tensors((x,), (replace(y, name="x"),))
    with pytest.raises(BadInput, match="no output has 3 values"):
        Tensors((x,), (y,), ("a", "b", "c"))
    assert Tensors((x,), (y,), ("a", "b")).classes == y
    assert Tensors((x,), (replace(y, meaning="values"),)).classes is None


@pytest.mark.parametrize(
    ("change", "message"),
    [({"schema_version": 9}, "schema version 9"), ({"inputs": [{}]}, "damaged")],
)
def test_a_damaged_contract_is_refused(change: dict[str, object], message: str) -> None:
    contract = Tensors((NamedTensor("x", (3,)),), (NamedTensor("y", (2,)),))
    with pytest.raises(BadInput, match=message):
        Tensors.from_json(contract.to_json() | change)


def test_an_undeclared_range_is_that_of_the_data() -> None:
    contract = Tensors(
        (
            NamedTensor("x", (2,)),
            NamedTensor("ids", (1,), "int32", 0, 9),
            NamedTensor("age", (1,), "int32"),
        ),
        (NamedTensor("y", (1,)),),
    )
    three = np.array([[3]], np.int32)
    arrays = {"x": np.array([[-1.5, 2.0]], np.float32), "ids": three, "age": three}
    x, ids, age = contract.within(arrays).inputs
    assert (x.low, x.high) == (-1.5, 2.0)
    assert (ids.low, ids.high) == (0, 9)
    assert (age.low, age.high) == (None, None)  # somebody is older than everybody in the data


def test_the_digest_of_samples_knows_names_and_numbers() -> None:
    array = np.arange(6, dtype=np.float32).reshape(3, 2)
    one, other = Samples({"a": array}, "x"), Samples({"b": array}, "x")
    assert one.sha256 == Samples({"a": array.copy()}, "elsewhere").sha256
    assert len({one.sha256, other.sha256, Samples({"a": array + 1}, "x").sha256}) == 3
    assert len(one.first(2)) == 2
