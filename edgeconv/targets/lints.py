"""Lints: what is wrong, or could be better, in a model file, read from the file alone.

A rule is one row of a target's literal table `RULES` and one function from the file's view to the
places that break it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

File = TypeVar("File")

_CONVERTER_NAMES = re.compile(
    r"serving_default_.*|"
    r"(Identity|StatefulPartitionedCall|PartitionedCall|var|args|keras_tensor)(_\d+)*(:\d+)?"
)


class Severity(StrEnum):
    """How serious a finding is.

    A file with an error computes wrong results, or does not run. A warning is a conversion that
    could be better, or a file that lacks information for its user. A hint is our assumption.
    """

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True)
class Violation:
    """One place that breaks a rule: an operation, tensor or feature by its name, and the facts."""

    where: str
    text: str


@dataclass(frozen=True)
class Rule(Generic[File]):
    """One row of a table.

    Attributes:
        number: identifies the rule in every format and never changes: `L1..` weights, `L2..` inputs
            and outputs, `L3..` shapes, `L4..` operations, `L5..` versions, `L6..` placement.
        check: from a file's view to the places that break the rule.
        advice: what to do about it.
    """

    number: str
    name: str
    severity: Severity
    check: Callable[[File], Iterable[Violation]]
    advice: str


@dataclass(frozen=True)
class Finding:
    """A rule that a file breaks, and where; `places` counts them all, `text` names the first."""

    number: str
    rule: str
    severity: Severity
    where: str
    text: str
    advice: str
    places: int = 1

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "severity": str(self.severity)}


def apply(rules: Sequence[Rule[File]], file: File) -> list[Finding]:
    """One finding for each broken rule, in the order of the table."""
    findings = []
    for rule in rules:
        violations = list(rule.check(file))
        if violations:
            first = violations[0]
            more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
            findings.append(
                Finding(
                    rule.number,
                    rule.name,
                    rule.severity,
                    first.where,
                    first.text + more,
                    rule.advice,
                    len(violations),
                )
            )
    return findings


def converter_name(name: str) -> bool:
    """Whether a converter generated the name, so that it means nothing to a reader: `var_12` …"""
    return _CONVERTER_NAMES.fullmatch(name) is not None
