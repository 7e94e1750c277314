"""How a stage tells a person what it is doing, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Listener of the stages; the command line shows it, a Python caller may log it."""

    def stage(self, title: str) -> None:
        """A new part of the work begins."""

    def update(self, done: int, total: int, note: str = "") -> None:
        """`done` of `total` steps of the current stage; `note` is its newest figure."""

    def note(self, text: str) -> None:
        """A fact that the person must not miss: a warning, a drop count, a fallback."""


class NullProgress:
    """Nobody listens."""

    def stage(self, title: str) -> None: ...

    def update(self, done: int, total: int, note: str = "") -> None: ...

    def note(self, text: str) -> None: ...


NULL_PROGRESS = NullProgress()
