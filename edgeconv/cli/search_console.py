"""How a search looks while it runs: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from edgeconv.cli.console import Console

if TYPE_CHECKING:
    from edgeconv.search.progress import SearchProgress

EVERY = 30.0  # seconds between two lines of a log, where no trial has ended


class SearchConsole(Console):
    """Shows the progress of a search, besides what every command shows."""

    def __init__(self, quiet: bool, verbose: bool, json_file: str | None) -> None:
        super().__init__(quiet, verbose, json_file)
        self._live: Any = None
        self._last: tuple[int, float] = (-1, 0.0)

    def __enter__(self) -> SearchConsole:
        return self

    def close(self) -> None:
        """End the live table; its last state stays on the screen."""
        super().close()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def search_progress(self, progress: SearchProgress) -> None:
        """The newest state of the search."""
        if self.quiet:
            return
        if not self._log.is_terminal:
            self._line(progress)
            return
        if self._live is None:
            from rich.live import Live

            self._live = Live(console=self._log, refresh_per_second=2)
            self._live.start()
        self._live.update(_table(progress))

    def _line(self, progress: SearchProgress) -> None:
        ended = sum(n for state, n in progress.counts.items() if state != "running")
        now = time.monotonic()
        if ended != self._last[0] or self.verbose or now - self._last[1] > EVERY:
            self._last = ended, now
            self._log.print(f"  {progress.line()}", markup=False)


def _table(progress: SearchProgress) -> Any:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("size", "best so far", "scheme", "accuracy", "bytes"):
        table.add_column(heading, justify="left" if heading == "best so far" else "right")
    for kind, model, scheme, accuracy, size in progress.best:
        table.add_row(kind, model, scheme, accuracy, f"{size:,}")
    running = "  ".join(f"{model} {done}/{folds}" for model, done, folds in progress.running)
    return Group(Text(progress.headline(), style="bold"), Text(running, style="dim"), table)
