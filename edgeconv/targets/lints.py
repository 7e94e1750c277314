"""Lints: what is wrong, or could be better, in a model file, read from the file alone.

A rule is one row of a target's literal table `RULES` and one function from the file's view to the
places that break it. What it is about is the same in every format: a record of `hazards.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from edgeconv.core import Contract, Signal
from edgeconv.core.export_report import Finding, Severity
from edgeconv.targets.file_graph import FileGraph
from edgeconv.targets.hazards import HAZARDS, Hazard

if TYPE_CHECKING:
    from numpy.typing import NDArray

File = TypeVar("File")
Ranges = Mapping[str, tuple[float, float]]
"""The lowest and the highest number of values inside a file, by name, as samples gave them."""

LARGE_KERNEL = 8
"""The Neural Engine is slow with wider ones: Apple's example is a kernel of 9, which two of 5
replace."""
ALIGNED = 32
"""Numbers of float16 in the 64 bytes to which the Neural Engine pads a row."""
POOL_STRIDES = (1, 2, 4)
"""Those of pools that the Neural Engine is fast with."""

LARGEST_FLOAT16 = 65_504
"""IEEE 754 binary16: (2 − 2⁻¹⁰) · 2¹⁵."""

_CONVERTER_NAMES = re.compile(
    r"serving_default_.*|"
    r"(Identity|StatefulPartitionedCall|PartitionedCall|var|args|keras_tensor)(_\d+)*(:\d+)?"
)


@dataclass(frozen=True)
class Violation:
    """One place that breaks a rule: an operation, tensor or feature by its name, and the facts."""

    where: str
    text: str


@dataclass(frozen=True)
class Rule(Generic[File]):
    """One row of a table: how files of one target show a hazard.

    Attributes:
        number: of the hazard.
        severity: how serious a finding is, at the most.
        detection: what is looked for.
        check: from a file's view to the places that break the rule; None where only running the
            file shows them (`edgeconv.workflows.steps.hazards`).
        cure: what to do about it.
    """

    number: str
    severity: Severity
    detection: str
    check: Callable[[File], Iterable[Violation]] | None
    cure: str

    def __post_init__(self) -> None:
        if not (self.detection and self.cure):
            raise ValueError(f"rule {self.number} needs a detection and a cure")
        if self.number not in HAZARDS:
            raise ValueError(f"rule {self.number} has no hazard in edgeconv/targets/hazards.py")

    @property
    def hazard(self) -> Hazard:
        """What it is about, in every format."""
        return HAZARDS[self.number]

    @property
    def name(self) -> str:
        return self.hazard.name

    def finding(self, violations: Sequence[Violation], severity: Severity | None = None) -> Finding:
        """The finding for the places that break the rule, at least one.

        Args:
            severity: a milder one than the rule's; None: the rule's.
        """
        first = violations[0]
        more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
        return Finding(
            self.number,
            self.name,
            severity or self.severity,
            first.where,
            first.text + more,
            self.cure,
            len(violations),
        )


def apply(rules: Sequence[Rule[File]], file: File) -> list[Finding]:
    """One finding for each broken rule, in the order of the table."""
    findings = []
    for rule in rules:
        violations = list(rule.check(file)) if rule.check else []
        if violations:
            findings.append(rule.finding(violations))
    return findings


def overflows(ranges: Ranges, names: Collection[str]) -> Iterator[Violation]:
    """Values that samples drive beyond the end of float16, or to NaN, of those with a name."""
    for name, (low, high) in ranges.items():
        if name in names and not (abs(low) <= LARGEST_FLOAT16 and abs(high) <= LARGEST_FLOAT16):
            largest = low if abs(low) > abs(high) else high
            yield Violation(
                name, f"samples give up to {abs(largest):,.4g} here, and float16 ends at 65,504"
            )


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """What SAME padding adds along one axis, both ends together; below zero it would cut.

    TensorFlow's formula, (⌈size / stride⌉ − 1) · stride + (kernel − 1) · dilation + 1 − size,
    without its clip at zero.
    """
    return (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size


def converter_name(name: str) -> bool:
    """Whether a converter generated the name, so that it means nothing to a reader: `var_12` …"""
    return _CONVERTER_NAMES.fullmatch(name) is not None


# --- rules of every format ----------------------------------------------------------------------


class ModelFile(Protocol):
    """What rules that hold in every format see of a file."""

    @property
    def path(self) -> Path: ...

    @property
    def graph(self) -> FileGraph: ...

    @property
    def contract(self) -> Contract | None: ...

    def float_constants(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Name and numbers of every constant of floats."""
        ...


def not_a_number(file: ModelFile) -> Iterator[Violation]:
    """NaN among the constants."""
    import numpy as np

    for name, array in file.float_constants():
        count = int(np.isnan(array).sum())
        if count:
            yield Violation(name, f"{count:,} of {array.size:,} values are NaN")


def infinite(file: ModelFile) -> Iterator[Violation]:
    """Infinity among constants of more than one number; as a mask, −∞ alone is in order."""
    import numpy as np

    for name, array in file.float_constants():
        count = int(np.isposinf(array).sum())
        if count and array.size > 1:
            yield Violation(name, f"{count:,} of {array.size:,} values are infinite")


def none_at_all(file: ModelFile) -> Iterator[Violation]:
    """A file without trained weights."""
    if file.graph.parameters == 0:
        yield Violation(file.path.name, "no operation has weights")


def against_contract(file: ModelFile) -> Iterator[Violation]:
    """An input that cannot hold the readings that the file's own contract describes."""
    signal = file.contract
    if not isinstance(signal, Signal):
        return
    for spec in file.graph.inputs:
        size = prod(max(n, 1) for n in spec.shape)
        fits = size == signal.flat_size
        if -1 in spec.shape[1:]:  # the free axis holds the rest
            fits = signal.flat_size % size == 0
        if not fits:
            window = f"{signal.window} × {len(signal.channels)}"
            yield Violation(
                spec.name, f"the contract's window has {window} values, the input {size}"
            )


def dynamic_batch(file: ModelFile) -> Iterator[Violation]:
    """A free first dimension, which accelerators refuse."""
    for spec in file.graph.inputs:
        if spec.shape[:1] == (-1,):
            yield Violation(spec.name, "the input's first dimension is free")


def dynamic_shape(file: ModelFile) -> Iterator[Violation]:
    """Other free dimensions."""
    for spec in file.graph.inputs:
        if -1 in spec.shape[1:]:
            shape = " × ".join("?" if n < 0 else str(n) for n in spec.shape)
            yield Violation(spec.name, f"the input's shape is free: {shape}")


def no_contract(file: ModelFile) -> Iterator[Violation]:
    """A file that does not say what its numbers mean."""
    if file.contract is None:
        yield Violation(
            file.path.name, "it does not say which unit, sign, rate and order its input takes"
        )
