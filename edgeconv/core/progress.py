"""How a stage reports what it is doing, independent of who listens."""

from __future__ import annotations

import logging
from typing import Protocol

LOGGER = logging.getLogger("edgeconv")
"""The package's logger. It is silent until an application configures logging."""
LOGGER.addHandler(logging.NullHandler())


class Progress(Protocol):
    """Listener of the stages. The command line shows it; the default for library users logs it."""

    def stage(self, title: str) -> None:
        """A new part of the work begins."""

    def update(self, done: int, total: int, note: str = "") -> None:
        """`done` of `total` steps of the current stage; `note` is its newest figure."""

    def note(self, text: str) -> None:
        """A fact that must not be missed: a warning, a drop count, a fallback."""


class NullProgress:
    """Reports nothing."""

    def stage(self, title: str) -> None: ...

    def update(self, done: int, total: int, note: str = "") -> None: ...

    def note(self, text: str) -> None: ...


class LoggingProgress:
    """Reports through `logging`, to the logger `edgeconv`: the default of the public functions.

    A stage is logged as INFO, a step as DEBUG and a note as WARNING. Nothing is printed unless the
    application configures logging, for example with `logging.basicConfig(level=logging.INFO)`.
    """

    def stage(self, title: str) -> None:
        LOGGER.info("%s", title)

    def update(self, done: int, total: int, note: str = "") -> None:
        LOGGER.debug("%d of %d%s", done, total, f": {note}" if note else "")

    def note(self, text: str) -> None:
        LOGGER.warning("%s", text)


NULL_PROGRESS = NullProgress()
LOG_PROGRESS = LoggingProgress()
