"""What a parity check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edgeconv.core import Check, Status
from edgeconv.parity.artifact_run import ArtifactRun
from edgeconv.parity.context import ParityContext


@dataclass(frozen=True)
class ParityCheck:
    """An entry of `edgeconv.parity.checks.CHECKS`.

    Attributes:
        names: every name that one of its checks may have.
        judge: the checks of one artifact; none if it does not apply.
    """

    names: tuple[str, ...]
    judge: Callable[[ParityContext, ArtifactRun], Iterable[Check]]


def problem_check(name: str, problems: Iterable[str]) -> Check:
    """A check without a figure, which passes if there is no problem."""
    reason = "; ".join(dict.fromkeys(problems))
    return Check(name, Status.FAILED if reason else Status.PASSED, None, None, "<=", reason)
