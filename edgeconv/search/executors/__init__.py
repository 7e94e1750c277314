"""Where tasks are carried out: one file an executor, one table that names them all."""

from __future__ import annotations

from typing import Protocol

from edgeconv.plugins import choose
from edgeconv.search.candidates import Evaluate, Outcome, Task

EXECUTORS: dict[str, str] = {
    "local": "edgeconv.search.executors.local:Local",
    "ray": "edgeconv.search.executors.ray:OnRay",
}


class Executor(Protocol):
    """Carries out tasks, several at a time; which one ends first is left to it."""

    @property
    def workers(self) -> int:
        """How many tasks run at a time."""

    def submit(self, task: Task) -> None:
        """Have a task carried out; the first submitted begins first."""

    def collect(self) -> tuple[Task, Outcome]:
        """Wait until any task has ended.

        Raises:
            EdgeconvError: what the evaluation raised.
        """

    def close(self) -> None:
        """End all that still runs, at once."""


def open_executor(name: str, evaluate: Evaluate, workers: int | None, address: str) -> Executor:
    """The executor of that name; nothing runs before a task is submitted.

    Args:
        workers: None: one for each core (of the cluster).
        address: of the cluster, where there is one.

    Raises:
        UsageError: no such executor, or an option that means nothing to it.
        MissingDependency: it needs a package that is not installed.
    """
    executor: Executor = choose("executor", EXECUTORS, name)(evaluate, workers, address)
    return executor
