"""Measurements and verdicts. A check that did not run is `not_run`, never a pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from edgeconv.core.evaluation_data import EvaluationData
from edgeconv.core.parity_statistics import ParityStatistics
from edgeconv.core.provenance import MachineInfo


class Status(StrEnum):
    """Outcome of a check; `not_run` never counts as passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


SUPPLEMENTARY = frozenset({"weights"})
"""Checks that leave the verdict to the gates of the outputs where they could not see everything.

Of a layer whose weights a file does not show, or that only Keras can read, the outputs are judged
all the same. What such a check did see, and found wrong, fails the file.
"""


def worst(statuses: Iterable[Status]) -> Status:
    """Failed before not run before passed; without any status, `not_run`."""
    distinct = set(statuses)
    if Status.FAILED in distinct:
        return Status.FAILED
    if Status.NOT_RUN in distinct or not distinct:
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

    @property
    def measured(self) -> bool:
        """Whether there is a figure and a limit to compare it with."""
        return self.value is not None and self.limit is not None

    @property
    def sentence(self) -> str:
        """What is wrong, with the figures if there are any; empty for a check that passed."""
        if self.status is Status.PASSED:
            return ""
        if self.value is None or self.limit is None:
            return f"{self.name}: {self.reason}"
        figures = f"{self.name} is {self.value:.4g}, must be {self.direction} {self.limit:g}"
        return f"{figures}: {self.reason}" if self.reason else figures


def _sentences(checks: Iterable[Check]) -> list[str]:
    """What is wrong; checks without figures that share a reason share a sentence."""
    failed = [check for check in checks if check.status is not Status.PASSED]
    names: dict[str, list[str]] = {}
    for check in failed:
        if not check.measured:
            names.setdefault(check.reason, []).append(check.name)
    return list(
        dict.fromkeys(
            c.sentence if c.measured else f"{', '.join(names[c.reason])}: {c.reason}"
            for c in failed
        )
    )


@dataclass(frozen=True)
class EvaluationResult:
    """How well a model or artifact recognizes labeled windows.

    `confusion[i][j]` counts windows of class i classified as j. `loss` is the mean negative
    log-likelihood of the true class (natural logarithm). `per_class` has precision, recall, f1 and
    n by label, `per_subject` accuracy and n by subject.
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
    data: EvaluationData = field(default_factory=EvaluationData)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "data": self.data.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> EvaluationResult:
        changed = {
            "confusion": tuple(tuple(row) for row in data["confusion"]),
            "labels": tuple(data["labels"]),
            "data": EvaluationData.from_json(data["data"]),
        }
        return cls(**{**data, **changed})


@dataclass(frozen=True)
class ParityResult:
    """One artifact against the float reference on real windows.

    Attributes:
        n: windows that were compared; 0 if the file was not run.
        reason: why it did not run, or what failed.
        evidence: intervals, disagreements and errors behind the metrics.
        reference: name, sha256 and runtime of another file than the bundle's float model.
        asked: limits that the caller set in addition to those of the scheme and the recipe.
        inputs: what the file was given instead of recordings; empty for recordings and other data.
        not_applicable: gates of the scheme that cannot be judged for such a model on such data.
        compute: how the runtime computed, of several ways the worse one; empty: in its only way.
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
    reason: str = ""
    machine: MachineInfo = field(default_factory=MachineInfo)
    evidence: ParityStatistics | None = None
    reference: dict[str, str] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)
    inputs: str = ""
    not_applicable: tuple[str, ...] = ()
    compute: str = ""

    def with_checks(self, *checks: Check) -> ParityResult:
        """The result with more checks: the worst status counts, and each failure is a reason.

        A supplementary check that did not run is told, and leaves the verdict to the others.
        """
        counted = (c for c in checks if c.name not in SUPPLEMENTARY or c.status != Status.NOT_RUN)
        return replace(
            self,
            checks=(*self.checks, *checks),
            status=worst((self.status, *(check.status for check in counted))),
            reason="; ".join(filter(None, (self.reason, *_sentences(checks)))),
        )

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "machine": self.machine.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ParityResult:
        checks = tuple(Check(**{**c, "status": Status(c["status"])}) for c in data["checks"])
        statistics = data.get("evidence")
        return cls(
            **{
                **data,
                "status": Status(data["status"]),
                "not_applicable": tuple(data.get("not_applicable", ())),
                "checks": checks,
                "machine": MachineInfo.from_json(data.get("machine", {})),
                "evidence": ParityStatistics.from_json(statistics) if statistics else None,
            }
        )
