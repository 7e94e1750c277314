"""`coreml-reference` beside Apple's Core AI interpreter, operation by operation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from edgeconv.runtimes import unavailable
from tests.conformance.breaking import Bench, spoiled
from tests.conformance.coreai import graphs
from tests.conformance.coreai.judge import (
    PAGE,
    Answers,
    Finding,
    answers,
    compare,
    findings,
    judge,
    page,
)
from tests.conformance.coreai.table import PRECISIONS, TABLE, Array, Case, Judged, cases
from tests.conformance.mutations import MUTATIONS

WHY_NOT = unavailable("any.aimodel", "coreai")
WHICH = cases()
HALF = ("matmul", "matmul, transposed", "conv_transpose", "gelu, exact", "gelu, tanh")
MISTAKES = (
    *("conv ignores dilations", "conv flips the kernel", "conv exchanges strides"),
    *("conv_transpose flips the kernel", "max_pool's window begins one late"),
    *("gelu by tanh for the exact one", "gelu exact for the one by tanh"),
    *("softmax along the first axis", "floor_div rounds toward zero", "floor for round"),
    *("select exchanges its values", "clip without its upper end", "linear forgets the bias"),
    *("reduce_argmax takes the last of ties", "matmul ignores transpose_y", "cast rounds"),
    *("pad reflects with the edge", "pad exchanges its sides", "pad with zeros"),
    *("slice_by_index ignores stride", "gather along the first axis", "topk ignores ascending"),
)
UNBREAKABLE = {"identity"}

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answers]:
    return answers(tmp_path_factory.mktemp("judged"))


@pytest.fixture(scope="module")
def found(given: dict[str, Answers]) -> dict[tuple[str, str], Finding]:
    return {(each.operation, each.precision): each for each in judge(given)}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    made.install()
    yield made
    made.remove()


@pytest.mark.parametrize(("operation", "precision"), list(product(TABLE, PRECISIONS)))
def test_apple_agrees(
    found: dict[tuple[str, str], Finding], operation: str, precision: str
) -> None:
    finding = found[operation, precision]
    assert finding.cases >= graphs.DRAWS
    assert finding.share <= 1, finding
    if TABLE[operation].exact:
        assert finding.difference == 0


def test_apple_rounds_a_matrix_product_after_each_term(given: dict[str, Answers]) -> None:
    number = next(n for n, case in enumerate(WHICH) if case.operation == "matmul")
    for draw, its in enumerate(given["float16"].apple[number]):
        x, y = WHICH[number].arrays("float16", draw)
        np.testing.assert_array_equal(its, _term_by_term(x, y))
        ours = (x.astype(np.float32) @ y.astype(np.float32)).astype(np.float16)
        assert np.abs(its - ours).max() > 0


def test_the_runtime_can_round_as_apple_does(given: dict[str, Answers]) -> None:
    half = given["float16"]
    ours = graphs.by_reference(WHICH, half.package, "float16", "float16-accumulate")
    for number, case in enumerate(WHICH):
        if case.operation in ("matmul", "matmul, transposed", "linear"):
            np.testing.assert_array_equal(ours[number], half.apple[number], case.operation)
        elif case.operation == "conv":
            np.testing.assert_array_equal(ours[number], half.apple[number])


def _term_by_term(x: Array, y: Array) -> Array:
    total = np.zeros((*x.shape[:-1], y.shape[-1]), np.float16)
    for at in range(x.shape[-1]):
        total = (total + (x[..., at : at + 1] * y[..., at : at + 1, :])).astype(np.float16)
    return total


def test_what_is_marked_as_narrow_is_so(found: dict[tuple[str, str], Finding]) -> None:
    for name in HALF:
        assert TABLE[name].narrow
        assert found[name, "float16"].difference >= 0.5, name


def test_every_broken_operation_is_noticed(bench: Bench, given: dict[str, Answers]) -> None:
    _ours(given)
    assert {case.operation.partition(",")[0] for case in WHICH} <= bench.used
    unnoticed = []
    for operation in sorted(bench.used - UNBREAKABLE):
        with bench.broken(operation, spoiled):
            if not _noticed(given):
                unnoticed.append(operation)
    assert unnoticed == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_noticed(bench: Bench, given: dict[str, Answers], mistake: str) -> None:
    with bench.broken(*MUTATIONS[mistake]):
        assert _noticed(given)


def _ours(given: dict[str, Answers]) -> graphs.Results:
    return graphs.by_reference(WHICH, given["float32"].package, "float32", draws=1)


def _noticed(given: dict[str, Answers]) -> bool:
    """Whether anything is beyond rounding in float32, or does not run at all."""
    try:
        ours = _ours(given)
        found = list(findings(WHICH, "float32", ours, given["float32"]))
    except Exception:  # noqa: BLE001 - a wrong operation may fail in any way
        return True
    return any(each.share > 1 for each in found)


def test_the_page_has_every_operation(found: dict[tuple[str, str], Finding]) -> None:
    text = page(list(found.values()))
    published = PAGE.read_text(encoding="utf-8")
    for name in TABLE:
        assert f"\n| {name} " in text
        assert f"\n| {name} " in published, f"write {PAGE.name} again: its first lines say how"
    assert "**differs" not in text


def test_what_is_compared() -> None:
    judged = Judged(lambda: None, lambda: None)
    one = np.ones(3, np.float16)
    above = np.nextafter(one, np.float16(2))
    assert compare(judged, "float16", one, above, None) == (1.0, 1.0, 1.0)
    twice = np.nextafter(above, np.float16(2))
    assert compare(judged, "float16", one, twice, None) == (2.0, 1.0, 2.0)
    assert compare(judged, "float16", one, one * np.nan, None)[2] == np.inf
    with pytest.raises(ValueError, match="shapes"):
        compare(judged, "float16", one, one[:2], None)


def test_cases_are_the_same_again() -> None:
    assert all(
        np.array_equal(a, b)
        for first, second in zip(cases(), WHICH, strict=True)
        for a, b in zip(first.arrays("float32", 1), second.arrays("float32", 1), strict=True)
    )
    assert isinstance(WHICH[0], Case)
