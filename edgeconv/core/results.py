"""Measurements and verdicts. A check that did not run is `not_run`, never a pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from edgeconv.core.parity_statistics import ParityStatistics


class Status(StrEnum):
    """Outcome of a check; `not_run` is an answer of its own and never counts as passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


def worst(statuses: Iterable[Status]) -> Status:
    """Failed beats not run beats passed; nothing at all is `not_run`."""
    found = set(statuses)
    if Status.FAILED in found:
        return Status.FAILED
    if Status.NOT_RUN in found or not found:
        return Status.NOT_RUN
    return Status.PASSED


@dataclass(frozen=True)
class Check:
    """One number against its limit. `direction` is `<=` or `>=`: what passes."""

    name: str
    status: Status
    value: float | None
    limit: float | None
    direction: str
    reason: str = ""


@dataclass(frozen=True)
class EvaluationResult:
    """How well a model or artifact recognises labelled windows.

    `confusion[i][j]` counts windows of class i that were called j. `loss` is the mean negative
    log-likelihood of the true class (natural logarithm), `per_class` has precision, recall, f1
    and n by label, `per_subject` accuracy and n by subject.
    """

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    loss: float
    confusion: tuple[tuple[int, ...], ...]
    n: int
    labels: tuple[str, ...]
    per_class: dict[str, dict[str, float]]
    per_subject: dict[str, dict[str, float]]
    runtime: str
    sha256: str  # of the file that was evaluated
    data: dict[str, Any] = field(default_factory=dict)  # name, split, sha256 of the windows

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> EvaluationResult:
        confusion = tuple(tuple(row) for row in data["confusion"])
        return cls(**{**data, "confusion": confusion, "labels": tuple(data["labels"])})


@dataclass(frozen=True)
class ParityResult:
    """One artifact against the float reference on real windows.

    `reference` is set where that is another file than the bundle's float model. `asked` are the
    limits that whoever ran it set beyond those of scheme and recipe.
    """

    artifact: str
    sha256: str
    scheme: str
    target: str
    runtime: str
    status: Status
    n: int
    metrics: dict[str, float] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    reason: str = ""  # why it did not run, or what failed
    machine: dict[str, Any] = field(default_factory=dict)
    evidence: ParityStatistics | None = None
    reference: dict[str, str] = field(default_factory=dict)  # name, sha256, runtime
    asked: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ParityResult:
        checks = tuple(Check(**{**c, "status": Status(c["status"])}) for c in data["checks"])
        kept = data.get("evidence")
        return cls(
            **{
                **data,
                "status": Status(data["status"]),
                "checks": checks,
                "evidence": ParityStatistics.from_json(kept) if kept else None,
            }
        )
