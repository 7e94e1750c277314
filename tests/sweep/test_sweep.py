"""A few random networks in every format; the whole sweep is `python -m tests.sweep.run`."""

from __future__ import annotations

import numpy as np
import pytest

from .row import Cell, Row, judge, sweep

SAMPLE = (2,)


@pytest.mark.heavy
@pytest.mark.parametrize("number", SAMPLE)
def test_a_random_network_is_right_or_refused(number: int) -> None:
    from .architectures import build

    row = sweep(build(number))
    assert row.faults == []
    assert row.ours["tflite float32"].result == "right"
    assert row.ours["coreml float32"].result == "right"


def test_other_outputs_are_wrong() -> None:
    right = {"a": np.linspace(-2, 2, 24).reshape(8, 3), "b": np.ones((8, 1))}
    assert judge("float32", right, right).result == "right"
    assert judge("float32", {**right, "b": right["b"] + 3e-4}, right).result == "wrong"
    assert judge("int8", {**right, "a": right["a"] * 1.1}, right).result == "right"
    assert judge("int8", {**right, "a": right["a"] * 1.3}, right).result == "wrong"
    broken = {**right, "a": right["a"] * np.nan}
    assert judge("float32", broken, right).result == "wrong"
    assert judge("int8", broken, right).result == "wrong"


def test_faults_are_what_is_wrong_or_below_the_bare_converter() -> None:
    good, refused = Cell("right"), Cell("refused", reason="layer 'a' …")
    assert Row(1, (), {"x": good, "y": refused}, {"x": good, "y": refused}).faults == []
    assert len(Row(1, (), {"x": refused}, {"x": good}).faults) == 1
    assert len(Row(1, (), {"x": Cell("wrong"), "y": Cell("crashed")}, {}).faults) == 2


def test_rows_survive_json() -> None:
    row = Row(3, ("a", "b"), {"x": Cell("right", 0.1, 20.0)}, {"x": Cell("failed", reason="?")})
    assert Row.from_json(row.to_json()) == row
