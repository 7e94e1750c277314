"""What a person sees: progress and notes on standard error, results on standard output.

Where CI reads the result of a check: exit code, JUnit XML, Markdown of a job summary.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Status
from edgeconv.core.runner import Closing
from edgeconv.errors import EdgeconvError, GateFailed, UsageError
from edgeconv.reporting import render_junit, render_junit_refusal, render_refusal, verdict

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.progress import Progress as RichProgress

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


FORMATS = {
    "edgeconv-bundle-summary": 1,  # run, export, parity, report
    "edgeconv-card": 1,
    "edgeconv-conv1d": 1,  # explain conv1d
    "edgeconv-cross-validation": 1,
    "edgeconv-data-cache": 1,  # data cache
    "edgeconv-data-check": 1,  # data check --against
    "edgeconv-data-init": 1,  # data init
    "edgeconv-data-rules": 1,  # data check
    "edgeconv-dataset": 1,  # data describe
    "edgeconv-datasets": 1,  # data list
    "edgeconv-doctor": 1,
    "edgeconv-file-rules": 1,
    "edgeconv-download": 1,  # data fetch
    "edgeconv-error": 1,  # every command
    "edgeconv-evaluation": 1,  # train, evaluate
    "edgeconv-explanation": 1,  # explain MODEL
    "edgeconv-hook": 1,
    "edgeconv-init": 1,
    "edgeconv-keys": 1,
    "edgeconv-signed": 1,
    "edgeconv-inspection": 1,
    "edgeconv-package": 1,  # integrate
    "edgeconv-parity": 1,  # compare, golden check
    "edgeconv-profile": 1,  # profile, profile import
    "edgeconv-search": 1,
    "edgeconv-sweep": 1,  # cross-validate --set
    "edgeconv-verification": 1,  # verify
    "edgeconv-whar": 1,  # benchmark whar
}
"""What `--json` writes: a format's name and its schema version; schemas/NAME.json describes it."""

_WIDTH_OF_A_PIPE = 200
_LOG_LINES = 50  # of one stage; a stage with more steps shows every n-th of them
_STATUS_STYLES = {"passed": "green", "failed": "bold red", "not run": "yellow"}
_NUMBER = re.compile(
    r"[<>≤≥=−+-]*\s*\d[\d\s.,…±×%–−()+∞-]*(e[−+-]?\d+)?\s*([µm]?s|k?B|MB|GB|dB|pp|Hz|m/s²|∞|\))?"
)
_EMPTY = {"", "–"}


class Console(Closing):
    """Implements the stages' `Progress`, and prints tables and JSON.

    With `--json -` standard output carries the JSON and nothing else; `--quiet` leaves only
    results and errors. Without a terminal there is no animation and no color: each step is a line.
    A context manager: leaving it ends the animation.

    Raises:
        UsageError: both `quiet` and `verbose`.
    """

    def __init__(self, quiet: bool, verbose: bool, json_file: str | None) -> None:
        from rich.console import Console as RichConsole

        if quiet and verbose:
            raise UsageError("--quiet and --verbose contradict each other", "give one of them")
        self.quiet = quiet
        self.verbose = verbose
        self._json_file = json_file
        self._log: RichConsole = RichConsole(stderr=True, highlight=False, soft_wrap=True)
        # A file or a pipe has no width; rich would wrap the tables at 80.
        self._out = RichConsole(
            highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
        )
        self._bar: RichProgress | None = None
        self._title = ""
        self._done = 0
        self._since = time.monotonic()

    def stage(self, title: str) -> None:
        self.close()
        self._title = title
        self._done, self._since = 0, time.monotonic()
        if not self.quiet:
            self._log.print(f"[bold]›[/bold] {_plain(title)}")

    def update(self, done: int, total: int, note: str = "") -> None:
        if self.quiet:
            return
        if not self._log.is_terminal:
            self._step(done, total, note)
            return
        bar = self._open_bar(total)
        bar.update(bar.task_ids[0], completed=done, total=total, description=_plain(note))

    def note(self, text: str) -> None:
        if not self.quiet:
            self._log.print(f"  {_plain(text)}")

    def close(self) -> None:
        """End the animation of a stage, if one runs."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def say(self, text: str) -> None:
        """A line of the result."""
        self.close()
        if self._json_file != "-":
            self._out.print(_plain(text), soft_wrap=True)

    def table(self, title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table of the result; text stands on the left of its column, numbers on the right."""
        self.close()
        if self._json_file == "-":
            return
        from rich import box
        from rich.table import Table

        cells = [tuple(row) for row in rows]
        table = Table(title=_plain(title), title_justify="left", box=box.SIMPLE_HEAD)
        for number, heading in enumerate(headings):
            column = [row[number] for row in cells]
            # A narrow terminal folds cells: a figure cut off would be another figure.
            table.add_column(
                _plain(heading), justify="right" if _numeric(column) else "left", overflow="fold"
            )
        for row in cells:
            table.add_row(*map(_styled, row))
        self._out.print(table)

    def json(self, name: str, data: dict[str, Any]) -> None:
        """Write the machine-readable result where `--json` asked for it.

        Args:
            name: one of `FORMATS`.
            data: its content, without `format` and `schema_version`.

        Raises:
            BadInput: the file cannot be written.
        """
        if self._json_file is not None:
            self.close()
            write_json(self._json_file, name, data)

    def _step(self, done: int, total: int, note: str) -> None:
        """A line for a step that has ended; the same step is not shown twice."""
        every = 1 if self.verbose else max(1, total // _LOG_LINES)
        if done <= self._done or (done // every == self._done // every and done != total):
            return
        now = time.monotonic()
        verb = re.split(r"[:\s]", self._title, maxsplit=1)[0].lower()
        count = f"{done}/{total}" if total < 100_000 else f"{done / total:.0%}"
        self._log.print(f"  {verb} {count} {_plain(note)} {now - self._since:.1f} s")
        self._done, self._since = done, now

    def _open_bar(self, total: int) -> RichProgress:
        if self._bar is None:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            self._bar = RichProgress(
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}"),
                console=self._log,
            )
            self._bar.add_task("", total=total)
            self._bar.start()
        return self._bar


def write_json(file: str, name: str, data: dict[str, Any]) -> None:
    """A document of format `name` into `file`; `-` is standard output.

    Raises:
        BadInput: the file cannot be written.
    """
    document = {**data, "format": name, "schema_version": FORMATS[name]}
    encoding = (sys.stdout.encoding or "utf-8").lower().replace("-", "")
    utf_8 = file != "-" or encoding == "utf8"
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=not utf_8, allow_nan=False)
    if file == "-":
        sys.stdout.write(text + "\n")
        return
    from edgeconv.bundle import write_text

    write_text(Path(file), text + "\n")


def _numeric(column: Sequence[str]) -> bool:
    """A column of numbers, with or without units and gaps."""
    cells = [cell.strip() for cell in column if cell.strip() not in _EMPTY]
    return bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)


def _plain(text: str) -> str:
    """Names and messages may hold brackets, which rich would take for markup."""
    return text.replace("[", r"\[")


def _styled(cell: str) -> str:
    style = _STATUS_STYLES.get(cell.lstrip("✓✗– ").lower())
    return f"[{style}]{cell}[/{style}]" if style else _plain(cell)
