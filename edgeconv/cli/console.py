"""What a person sees: progress and notes on standard error, results on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.progress import Progress as RichProgress

_WIDTH_OF_A_PIPE = 200
_STATUS_STYLES = {"passed": "green", "failed": "bold red", "not run": "yellow"}


class Console:
    """Implements the stages' `Progress`, and prints tables and JSON.

    With `--json -` standard output carries the JSON and nothing else; `--quiet` leaves only
    results and errors. Without a terminal there is no animation and no colour.
    """

    def __init__(self, quiet: bool, verbose: bool, json_file: str | None) -> None:
        from rich.console import Console as RichConsole

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

    def stage(self, title: str) -> None:
        self.close()
        self._title = title
        if not self.quiet:
            self._log.print(f"[bold]›[/bold] {_plain(title)}")

    def update(self, done: int, total: int, note: str = "") -> None:
        if self.quiet:
            return
        if not self._log.is_terminal:
            if self.verbose or done == total or done % max(1, total // 10) == 0:
                self._log.print(f"  {done}/{total} {_plain(note)}")
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

    def error(self, message: str, hint: str) -> None:
        """One line for what went wrong, one for what to do."""
        self.close()
        self._log.print(f"[bold red]error:[/bold red] {_plain(message)}")
        if hint:
            self._log.print(f"  {_plain(hint)}")

    def say(self, text: str) -> None:
        """A line of the result."""
        self.close()
        if self._json_file != "-":
            self._out.print(_plain(text), soft_wrap=True)

    def table(self, title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table of the result; the first column is left-aligned, the others right-aligned."""
        self.close()
        if self._json_file == "-":
            return
        from rich import box
        from rich.table import Table

        table = Table(title=_plain(title), title_justify="left", box=box.SIMPLE_HEAD)
        for number, heading in enumerate(headings):
            # A narrow terminal folds cells: a figure cut off would be another figure.
            justify: Literal["right", "left"] = "right" if number else "left"
            table.add_column(_plain(heading), justify=justify, overflow="fold")
        for row in rows:
            table.add_row(*(_styled(cell) for cell in row))
        self._out.print(table)

    def json(self, data: Any) -> None:
        """Write the machine-readable result where `--json` asked for it.

        Raises:
            BadInput: the file cannot be written.
        """
        if self._json_file is None:
            return
        text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        if self._json_file == "-":
            self.close()
            sys.stdout.write(text + "\n")
            return
        from edgeconv.bundle import write_text

        write_text(Path(self._json_file), text + "\n")

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


def _plain(text: str) -> str:
    """Names and messages may hold brackets, which rich would take for markup."""
    return text.replace("[", r"\[")


def _styled(cell: str) -> str:
    style = _STATUS_STYLES.get(cell.lstrip("✓✗– ").lower())
    return f"[{style}]{cell}[/{style}]" if style else _plain(cell)
