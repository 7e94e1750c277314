"""The test that a model passes on the device before its first decision, and what runs it then.

The reference of docs/explanation/device-spec.md, sections 1 and 2. A package ships `selftest.json`;
the record that it writes is a results file, which `edgeconv golden check` judges again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported, UsageError
from edgeconv.integration.vectors import shortest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.core import Artifact
    from edgeconv.parity.golden import GoldenSet
    from edgeconv.parity.golden.named_vectors import NamedGoldenSet

    RunFile = Callable[[NDArray[np.float32]], NDArray[np.float32]]

FORMAT, VERSION = "edgeconv-self-test", 1
MOST_VECTORS = 16
MOST_NUMBERS = 50_000
"""In all vectors of a model of named tensors, which bounds what an app carries of large ones."""
INFERENCES = 49
"""In all, over all units of one test."""

ROUNDS = 8
"""Of the measurement; the first one warms up."""

MARGIN = 0.3
LEAST_GAIN_MS = 1.0
INTERRUPTED = "the app ended while it was tested"
MOST_ERRORS = 3
"""So often under one key a unit may end in an error before it is not opened again."""


class UnitStatus(StrEnum):
    """What a test found out about a unit."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"


@dataclass(frozen=True)
class Vector:
    """One golden window.

    Attributes:
        vector: its position in the bundle's golden set.
        expected: what the file gave for it.
        input: as the file takes it.
        why: it was selected.
    """

    vector: int
    expected: tuple[float, ...]
    input: tuple[float, ...] = ()
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Key:
    """What a verdict holds for: with another one everything is tested again."""

    app_version: str
    model_sha256: str
    system: str


@dataclass(frozen=True)
class UnitResult:
    """The verdict of one unit.

    Attributes:
        largest: difference of an output; None if one is not finite, or none was computed.
        vectors: positions in the golden set that were run.
        outputs: of them; None after an error, or if they are not as many as expected.
        median_ms: of an inference; None if it was not measured.
        errors: how often it ended in an error under this key.
    """

    unit: str
    status: UnitStatus
    largest: float | None = None
    reason: str = ""
    vectors: tuple[int, ...] = ()
    outputs: tuple[tuple[float, ...], ...] | None = None
    median_ms: float | None = None
    errors: int = 0


@dataclass(frozen=True)
class Record:
    """What a device keeps of its tests.

    Attributes:
        testing: the unit whose test has begun and not ended.
        chosen: the unit that runs the model.
    """

    key: Key
    results: tuple[UnitResult, ...] = ()
    testing: str | None = None
    chosen: str | None = None

    def result(self, unit: str) -> UnitResult | None:
        return next((each for each in self.results if each.unit == unit), None)

    def passing(self, units: Sequence[str]) -> tuple[str, ...]:
        """Those of `units` that passed, in their order. None: the app has no model."""
        passed = {each.unit for each in self.results if each.status is UnitStatus.PASSED}
        return tuple(unit for unit in units if unit in passed)

    def is_due(self, unit: str, fallback: str) -> bool:
        """Whether a unit is to be tested: a wrong answer is final, an error may pass by itself."""
        result = self.result(unit)
        if result is None:
            return True
        may_err = unit == fallback or result.errors < MOST_ERRORS
        return result.status is UnitStatus.ERROR and may_err

    def with_result(self, result: UnitResult) -> Record:
        others = (each for each in self.results if each.unit != result.unit)
        return replace(self, results=(*others, result), testing=None)


RunVector = Callable[[Vector], Sequence[float]]
OpenUnit = Callable[[str], RunVector]
"""Both may raise a RuntimeError."""


def vectors_per_unit(vectors: int, units: int) -> int:
    """How many vectors each of so many units runs: under 50 inferences in all."""
    return max(1, min(vectors, INFERENCES // units))


def judge(
    unit: str,
    vectors: Sequence[Vector],
    outputs: object,
    tolerance: float,
    weights: Sequence[float] = (),
) -> UnitResult:
    """The verdict on the outputs of one unit, or on what it threw.

    Args:
        outputs: one sequence of numbers a vector, or the RuntimeError.
        weights: how much a difference of each number counts; empty: all alike. An output whose own
            tolerance is a tenth of `tolerance` has the weight 10.
    """
    positions = tuple(each.vector for each in vectors)
    if isinstance(outputs, RuntimeError):
        return UnitResult(unit, UnitStatus.ERROR, reason=str(outputs), vectors=positions)
    assert isinstance(outputs, Sequence)
    rows = tuple(tuple(map(float, row)) for row in outputs)
    result = UnitResult(unit, UnitStatus.FAILED, None, "", positions, rows)
    largest = 0.0
    for each, row in zip(vectors, rows, strict=True):
        if len(row) != len(each.expected):
            reason = f"vector {each.vector}: {len(row)} outputs instead of {len(each.expected)}"
            return replace(result, reason=reason, outputs=None)
        if not all(map(math.isfinite, row)):
            return replace(result, reason=f"vector {each.vector}: an output is not finite")
        factors = weights or (1.0,) * len(row)
        differences = (abs(a - b) * f for a, b, f in zip(row, each.expected, factors, strict=True))
        largest = max((largest, *differences))
    if largest <= tolerance:
        return replace(result, status=UnitStatus.PASSED, largest=largest)
    return replace(result, largest=largest, reason=f"off by {largest:.4g}, at most {tolerance:g}")


def run_self_test(
    units: Sequence[str],
    vectors: Sequence[Vector],
    tolerance: float,
    key: Key,
    before: Record | None,
    open_unit: OpenUnit,
) -> Record:
    """Test every allowed unit that has no verdict for this key, or an error that may have passed.

    Args:
        units: those that the app allows; the first is the fallback.
        vectors: of `selftest.json`, in its order.
        tolerance: the largest difference of an output.
        before: the record that was kept; None: there is none.
        open_unit: gives what runs a vector there.
    """
    if not units or not vectors:
        raise UsageError("self-test: there is no unit or no vector", "allow at least the CPU")
    record = before if before and before.key == key else Record(key)
    if record.testing and record.testing != units[0]:
        interrupted = UnitResult(
            record.testing, UnitStatus.ERROR, reason=INTERRUPTED, errors=MOST_ERRORS
        )
        record = record.with_result(interrupted)
    record = replace(record, testing=None)
    chosen = vectors[: vectors_per_unit(len(vectors), len(units))]
    for unit in units:
        if record.is_due(unit, fallback=units[0]):
            earlier = record.result(unit)
            outputs: object
            try:
                run = open_unit(unit)
                outputs = [run(vector) for vector in chosen]
            except RuntimeError as error:
                outputs = error
            result = judge(unit, chosen, outputs, tolerance)
            errors = (earlier.errors if earlier else 0) + (result.status is UnitStatus.ERROR)
            record = record.with_result(replace(result, errors=errors))
    return record


def choose_unit(
    units: Sequence[str], passing: Sequence[str], times_ms: Mapping[str, Sequence[float]]
) -> tuple[str, dict[str, float]]:
    """The unit that runs the model, and the median of each.

    Args:
        units: those that the app allows; the first is the fallback.
        passing: those of them that passed the self-test; at least one.
        times_ms: of each of these, one time a round, the first round's too.
    """
    medians = {unit: median(times_ms[unit][1:]) for unit in units if unit in passing}
    fallback = units[0]
    fastest = min(medians, key=medians.__getitem__)
    if fallback in medians:
        gain = medians[fallback] - medians[fastest]
        if not gain > max(MARGIN * medians[fallback], LEAST_GAIN_MS):
            return fallback, medians
    return fastest, medians


def make_self_test(
    artifact: Artifact,
    golden: GoldenSet,
    golden_sha256: str,
    tolerance: float,
    run: RunFile,
) -> dict[str, object]:
    """The document `selftest.json`.

    Args:
        artifact: the file of the package.
        golden: the bundle's golden set.
        golden_sha256: its digest; empty: it is not the bundle's own.
        tolerance: of the artifact's scheme.
        run: runs the file on inputs as its sensor gives them, if the set has no outputs of it.
    """
    expected = golden.expected.get(artifact.name)
    recorded = None if expected is None else expected.outputs
    inputs = golden.input_for(artifact.signal)
    outputs = run(inputs) if recorded is None else recorded
    order = sorted(range(len(golden)), key=lambda place: _rank(golden.why[place]))
    return {
        "format": FORMAT,
        "schema_version": VERSION,
        "artifact": {"name": artifact.name, "sha256": artifact.sha256},
        "golden": golden_sha256,
        "tolerance": tolerance,
        "vectors": [
            {
                "vector": place,
                "why": list(golden.why[place]),
                "input": shortest(inputs[place]),
                "expected": shortest(outputs[place]),
            }
            for place in order[:MOST_VECTORS]
        ],
    }


def _rank(why: Sequence[str]) -> int:
    """What shows most comes first; what fills up comes last."""
    marks = ("ordinary", "margin", "")
    ranks = [next(i for i, mark in enumerate(marks) if reason.startswith(mark)) for reason in why]
    return 3 if "evenly spaced" in why else min(ranks, default=3)


def make_named_self_test(
    artifact: Artifact, golden: NamedGoldenSet, golden_sha256: str
) -> dict[str, object]:
    """`selftest.json` of a model of named tensors.

    `input` and `expected` hold the numbers of all inputs and of all outputs, one after the other in
    the contract's order. `outputs` says how many belong to each, and its own tolerance: a
    difference counts `tolerance / its tolerance` times.

    Args:
        artifact: the file of the package.
        golden: the bundle's golden set, with the outputs of this file.
        golden_sha256: its digest.

    Raises:
        Unsupported: whole numbers that a float32 does not hold, as which devices read them.
    """
    expected = golden.expected[artifact.name]
    assert expected.outputs is not None
    contract = golden.contract
    size = sum(tensor.size for tensor in (*contract.inputs, *contract.outputs))
    count = max(1, min(len(golden), MOST_VECTORS, MOST_NUMBERS // size))
    for tensor in contract.inputs:
        rows = golden.inputs[tensor.name][:count]
        if not tensor.is_float and (rows != rows.astype("float32").astype("int64")).any():
            raise Unsupported(
                f"{tensor.name} takes whole numbers beyond 2^24, which a self-test on a device "
                "cannot hold exactly",
                "give the model smaller ones, such as places in a table",
            )
    inputs = [golden.inputs[tensor.name] for tensor in contract.inputs]
    outputs = [expected.outputs[tensor.name] for tensor in contract.outputs]
    return {
        "format": FORMAT,
        "schema_version": VERSION,
        "artifact": {"name": artifact.name, "sha256": artifact.sha256},
        "golden": golden_sha256,
        "tolerance": max(expected.tolerance.values()),
        "outputs": [
            {
                "name": tensor.name,
                "size": tensor.size,
                "tolerance": expected.tolerance[tensor.name],
            }
            for tensor in contract.outputs
        ],
        "vectors": [
            {
                "vector": place,
                "why": ["random numbers" if golden.random else "evenly spaced"],
                "input": _joined(inputs, place),
                "expected": _joined(outputs, place),
            }
            for place in range(count)
        ],
    }


def _joined(arrays: Sequence[NDArray[Any]], place: int) -> list[float]:
    return [number for array in arrays for number in shortest(array[place].reshape(-1))]
