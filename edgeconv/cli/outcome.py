"""Where a CI system reads the outcome of a check: JUnit XML and the Markdown of a job summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.errors import EdgeconvError
from edgeconv.reporting import render_junit, render_junit_refusal, render_refusal

if TYPE_CHECKING:
    from edgeconv.core import ParityResult


@dataclass(frozen=True)
class Outcome:
    """The files that were asked for; None is none."""

    junit: Path | None
    summary: Path | None
    allow_not_run: bool

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Tell both files why nothing could be checked, so that none of an earlier run stays."""
        try:
            yield
        except EdgeconvError as error:
            told = (error.message, error.hint)
            self._write(partial(render_junit_refusal, *told), partial(render_refusal, *told))
            raise

    def results(self, results: Sequence[ParityResult], summary: Callable[[], str]) -> None:
        """Write what was found."""
        self._write(lambda: render_junit(results, self.allow_not_run), summary)

    def _write(self, junit: Callable[[], str], summary: Callable[[], str]) -> None:
        from edgeconv.bundle import append_text, write_text

        if self.junit:
            write_text(self.junit, junit())
        if self.summary:
            append_text(self.summary, summary())
