"""The entry of one operation in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgeconv.runtimes.coreml_reference.batching import BatchRule


@dataclass(frozen=True)
class OpDefinition:
    """One operation of MIL.

    Attributes:
        function: takes MIL's parameters by their names; gives one result, or a tuple of them.
        batch_rule: when it may run on many samples at once; None for never.
        exact: it selects or moves values of one type, so that its result needs no rounding.
        draws: it draws random numbers, from the generator in its parameter `random`.
        stateful: it reads or changes a state.
        variadic: parameters that take several values.
    """

    function: Callable[..., Any]
    batch_rule: BatchRule | None = None
    exact: bool = False
    draws: bool = False
    stateful: bool = False
    variadic: tuple[str, ...] = ()
