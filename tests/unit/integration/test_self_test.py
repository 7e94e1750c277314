"""The self-test of a device, and the choice of its unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import Signal
from edgeconv.errors import UsageError
from edgeconv.integration.self_test import (
    INFERENCES,
    MOST_VECTORS,
    Key,
    Record,
    UnitStatus,
    Vector,
    choose_unit,
    judge,
    make_self_test,
    run_self_test,
    vectors_per_unit,
)
from edgeconv.parity.golden import make, record_outputs
from tests.unit.integration.test_platform import artifact

KEY = Key("1.0", "ab" * 32, "System 1")
VECTORS = [Vector(i, (i / 16, 1 - i / 16)) for i in range(16)]


def answer(vector: Vector, off: float = 0.0) -> Sequence[float]:
    return [value + off for value in vector.expected]


def test_a_unit_that_is_wrong_on_one_window_is_not_used() -> None:
    def open_unit(unit: str):  # type: ignore[no-untyped-def]
        return lambda v: answer(v, 0.08 if (unit, v.vector) == ("gpu", 9) else 0.0)

    record = run_self_test(("cpu", "gpu"), VECTORS, 0.07, KEY, None, open_unit)
    assert record.passing(("cpu", "gpu")) == ("cpu",)
    failed = record.result("gpu")
    assert failed is not None
    assert failed.largest == pytest.approx(0.08)
    assert "0.08" in failed.reason


def test_a_verdict_is_never_taken_back_before_the_key_changes() -> None:
    wrong = run_self_test(("cpu",), VECTORS, 0.07, KEY, None, lambda _: lambda v: answer(v, 1.0))
    again = run_self_test(("cpu",), VECTORS, 0.07, KEY, wrong, lambda _: answer)
    assert again.passing(("cpu",)) == ()
    other = replace(KEY, system="System 2")
    assert run_self_test(("cpu",), VECTORS, 0.07, other, wrong, lambda _: answer).passing(
        ("cpu",)
    ) == ("cpu",)


def test_an_error_is_tried_again_three_times_and_that_of_the_fallback_always() -> None:
    seen: list[str] = []

    def open_unit(unit: str):  # type: ignore[no-untyped-def]
        seen.append(unit)
        raise RuntimeError("out of memory")

    record = None
    for _ in range(5):
        record = run_self_test(("cpu", "gpu"), VECTORS, 0.07, KEY, record, open_unit)
    assert (seen.count("cpu"), seen.count("gpu")) == (5, 3)
    assert record is not None
    assert record.passing(("cpu", "gpu")) == ()
    record = run_self_test(("cpu", "gpu"), VECTORS, 0.07, KEY, record, lambda _: answer)
    assert record.passing(("cpu", "gpu")) == ("cpu",)


def test_a_unit_that_ended_the_app_is_out_and_the_fallback_is_not() -> None:
    def opened(testing: str) -> tuple[list[str], Record]:
        seen: list[str] = []

        def open_unit(unit: str):  # type: ignore[no-untyped-def]
            seen.append(unit)
            return answer

        units = ("cpu", "gpu")
        return seen, run_self_test(
            units, VECTORS, 0.07, KEY, Record(KEY, testing=testing), open_unit
        )

    seen, record = opened("gpu")
    assert seen == ["cpu"]
    result = record.result("gpu")
    assert result is not None
    assert result.status is UnitStatus.ERROR
    seen, record = opened("cpu")
    assert seen == ["cpu", "gpu"]
    assert record.testing is None


@given(st.integers(1, 40), st.integers(1, 60))
def test_there_are_under_50_inferences(vectors: int, units: int) -> None:
    each = vectors_per_unit(vectors, units)
    assert 1 <= each <= vectors
    assert each * units <= max(INFERENCES, units)


def test_each_output_has_its_own_tolerance() -> None:
    """One of a model's two outputs may be off by a tenth of what the other may be."""
    vectors = [Vector(0, (0.5, 10.0))]
    weights = (10.0, 1.0)
    assert judge("cpu", vectors, [[0.5, 10.9]], 1.0, weights).status is UnitStatus.PASSED
    assert judge("cpu", vectors, [[0.7, 10.0]], 1.0, weights).largest == pytest.approx(2.0)
    assert judge("cpu", vectors, [[0.7, 10.0]], 1.0).status is UnitStatus.PASSED


def test_nothing_to_test_is_a_mistake() -> None:
    with pytest.raises(UsageError):
        run_self_test((), VECTORS, 0.07, KEY, None, lambda _: answer)


TIMES = st.lists(st.floats(0.01, 100), min_size=8, max_size=8)


@given(st.dictionaries(st.sampled_from(["gpu", "npu"]), TIMES), TIMES)
def test_the_cpu_is_left_only_for_what_is_clearly_faster(
    others: dict[str, list[float]], cpu: list[float]
) -> None:
    times = {"cpu": cpu, **others}
    chosen, medians = choose_unit(("cpu", "gpu", "npu"), tuple(times), times)
    if chosen != "cpu":
        assert medians[chosen] == min(medians.values())
        assert medians[chosen] < 0.7 * medians["cpu"]
        assert medians["cpu"] - medians[chosen] > 1.0


def golden_set(classes: int = 6):  # type: ignore[no-untyped-def]
    chance = np.random.default_rng(1)
    signal = Signal(labels=tuple(f"class {i}" for i in range(classes)))
    windows = chance.normal(0, 3, (60, signal.flat_size)).astype(np.float32)
    probabilities = chance.dirichlet(np.ones(classes), 60).astype(np.float32)
    labels = probabilities.argmax(axis=1)
    return make(windows, labels, probabilities, signal, "cd" * 32), signal


def test_the_document_shows_most_first_and_is_of_the_file() -> None:
    golden, signal = golden_set()
    file = artifact("int8", signal=signal)
    golden = record_outputs(golden, file, "litert", lambda _, inputs: golden.reference)
    document = make_self_test(file, golden, "ef" * 32, 0.07, lambda _: golden.reference * 0)
    vectors = document["vectors"]
    assert isinstance(vectors, list)
    assert len(vectors) == min(MOST_VECTORS, len(golden))
    assert document["artifact"] == {"name": file.name, "sha256": file.sha256}
    assert [v["why"][0].startswith("ordinary") for v in vectors[:6]] == [True] * 6
    for vector in vectors:
        place = vector["vector"]
        assert np.float32(vector["input"]).tolist() == golden.windows[place].tolist()
        assert np.float32(vector["expected"]).tolist() == golden.reference[place].tolist()


def test_a_file_that_was_not_run_for_the_bundle_is_run_for_the_package() -> None:
    golden, signal = golden_set()
    document = make_self_test(
        artifact("int8", signal=signal), golden, "", 0.07, lambda _: golden.reference
    )
    vectors = document["vectors"]
    assert isinstance(vectors, list)
    assert vectors[0]["expected"] == pytest.approx(golden.reference[vectors[0]["vector"]].tolist())
