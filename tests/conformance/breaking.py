"""Does CI notice a wrong operation? Each is broken in turn, and a test of the sample must fail.

`Bench` stands between the engine and the table of operations: it notes which operations a test
runs, and puts a wrong result in the place of a right one. Its findings are a table of what was
broken, which test noticed, and how many tests it took; nobody noticing is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np

from edgeconv.runtimes.coreml_reference.ops import OPS
from edgeconv.runtimes.coreml_reference.ops.kernel import OpDefinition

Function = Callable[..., Any]
Wrong = Callable[..., Any]
"""Takes the right function and MIL's parameters by name; gives a wrong result."""

MOST_TRIES = 200  # tests that may judge one wrong operation, quickest first


class Bench:
    """Every operation of the table, observed and breakable while it is installed.

    Otherwise the table is as it was: the engine fuses only operations that it knows.
    """

    def __init__(self) -> None:
        self.used: set[str] = set()
        self._wrong: dict[str, Wrong] = {}
        self._right = dict(OPS)
        self._breakable = {name: self._observed(name, op) for name, op in OPS.items()}

    def install(self) -> None:
        OPS.update(self._breakable)

    def remove(self) -> None:
        OPS.update(self._right)

    @contextmanager
    def broken(self, name: str, wrong: Wrong) -> Iterator[None]:
        self._wrong[name] = wrong
        try:
            yield
        finally:
            del self._wrong[name]

    def _observed(self, name: str, op: OpDefinition) -> OpDefinition:
        function = op.function

        @wraps(function)  # the planner reads its parameters
        def observed(**given: Any) -> Any:
            self.used.add(name)
            wrong = self._wrong.get(name)
            return wrong(function, **given) if wrong else function(**given)

        return replace(op, function=observed)


def spoiled(function: Function, **given: Any) -> Any:
    """A result that is wrong everywhere; what only has an effect has none."""
    if "data" in given and "input" in given:
        return ()  # write_state
    return _spoil(function(**given))


def _spoil(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_spoil(part) for part in value)
    if isinstance(value, list):  # MIL's list: longer than it should be, too
        return [*(_spoil(part) for part in value), np.zeros(1)]
    array = np.asarray(value)
    if array.dtype == np.bool_:
        return ~array
    if array.dtype.kind not in "fiu":
        return np.full(array.shape, "wrong", object)
    return array * 3 + 1


def judged(
    wrongs: Mapping[str, tuple[str, Wrong]],
    candidates: Callable[[str], list[str]],
    fails: Callable[[str], bool],
    bench: Bench,
) -> dict[str, dict[str, Any]]:
    """For each wrong (operation, function): the first test that fails, and how many were asked.

    Args:
        candidates: names of tests that use an operation, quickest first.
        fails: run one test again and say whether it fails now.
    """
    found = {}
    for name, (operation, wrong) in wrongs.items():
        asked = candidates(operation)[:MOST_TRIES]
        with bench.broken(operation, wrong):
            number, judge = next(
                ((n, test) for n, test in enumerate(asked, 1) if fails(test)), (len(asked), None)
            )
        found[name] = {"operation": operation, "judge": judge, "asked": number}
    return found


def every_operation() -> dict[str, tuple[str, Wrong]]:
    return {name: (name, spoiled) for name in OPS}
