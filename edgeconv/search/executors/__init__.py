"""Where tasks are carried out: one file an executor, one table that names them all."""

from __future__ import annotations

import os
from typing import Any, Protocol

from edgeconv.plugins import choose
from edgeconv.search.candidates import Evaluate, Task

EXECUTORS: dict[str, str] = {
    "local": "edgeconv.search.executors.local:Local",
    "ray": "edgeconv.search.executors.ray:OnRay",
}
# One thread a worker: sums of several threads depend on which comes first.
ONE_THREAD = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}


class SearchExecutor(Protocol):
    """Carries out tasks, several at a time; which one ends first is left to it."""

    @property
    def workers(self) -> int:
        """Number of tasks that run at a time."""

    def submit(self, task: Task) -> None:
        """Have a task carried out; the first submitted begins first."""

    def collect(self) -> tuple[Any, Any]:
        """Wait until any task has ended.

        Raises:
            EdgeconvError: what the evaluation raised.
        """

    def close(self) -> None:
        """End all that still runs, at once."""


def open_executor(
    name: str, evaluate: Evaluate, workers: int | None, address: str
) -> SearchExecutor:
    """The executor of that name; nothing runs before a task is submitted.

    Args:
        workers: None: one for each core (of the cluster).
        address: of the cluster, where there is one.

    Raises:
        UsageError: no such executor, or an option that it does not have.
        MissingDependency: it needs a package that is not installed.
    """
    executor: SearchExecutor = choose("executor", EXECUTORS, name)(evaluate, workers, address)
    return executor


def keep_to_one_thread() -> None:
    """To be called before TensorFlow is imported, which reads this once."""
    os.environ.update(ONE_THREAD)
