"""One result in plain lines, for a failed test or the output of a hook."""

from __future__ import annotations

from edgeconv.core import ParityResult, Status
from edgeconv.reporting import formatting


def explain(result: ParityResult, where: str) -> str:
    """What failed or did not run, check by check; `where` names the recordings."""
    if result.status is Status.PASSED:
        return (
            f"{result.artifact} behaves like the float model "
            f"({result.runtime}, {formatting.plural(result.n, 'window')} of {where})"
        )
    if result.status is Status.NOT_RUN:
        verdict = "is not proven to behave like the float model" if result.n else "was not checked"
        return f"{result.artifact} {verdict}: {result.reason or formatting.NOT_RUN}"
    heading = (
        f"{result.artifact} does not behave like the float model "
        f"({result.runtime}, {formatting.plural(result.n, 'window')} of {where})"
    )
    failed = [check for check in result.checks if check.status is not Status.PASSED]
    lines = [f"  {check.sentence}" for check in failed] or [f"  {result.reason}"]
    return "\n".join([heading, *lines])
