"""Where CI reads the result of a check: exit code, JUnit XML, Markdown of a job summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import Status
from edgeconv.errors import EdgeconvError, GateFailed
from edgeconv.reporting import render_junit, render_junit_refusal, render_refusal, verdict

if TYPE_CHECKING:
    from edgeconv.core import Bundle, ParityResult


@dataclass(frozen=True)
class CiOutput:
    """The files that a check was asked to write, None where it was not asked."""

    junit: Path | None
    summary: Path | None
    allow_not_run: bool

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Write into both files why nothing could be checked, so that no earlier result stays."""
        try:
            yield
        except EdgeconvError as error:
            reason = (error.message, error.hint)
            self._write(partial(render_junit_refusal, *reason), partial(render_refusal, *reason))
            raise

    def results(self, results: Sequence[ParityResult], summary: Callable[[], str]) -> None:
        """Write the results of the checks."""
        self._write(lambda: render_junit(results, self.allow_not_run), summary)

    def _write(self, junit: Callable[[], str], summary: Callable[[], str]) -> None:
        from edgeconv.bundle import append_text, write_text

        if self.junit:
            write_text(self.junit, junit())
        if self.summary:
            append_text(self.summary, summary())


def exit_code(bundle: Bundle, allow_not_run: bool) -> int:
    """0, or 1 where a gate failed or a check that had to run did not."""
    return code_of(verdict(bundle).status, allow_not_run)


def code_of(status: Status, allow_not_run: bool) -> int:
    """The exit code for the worst status of the checks."""
    if status is Status.FAILED or (status is Status.NOT_RUN and not allow_not_run):
        return GateFailed.exit_code
    return 0
