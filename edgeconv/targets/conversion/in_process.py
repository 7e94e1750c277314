"""The conversion in the caller's own process: the same answers as a worker gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edgeconv.targets.conversion.job import Job


def answers(job: Job) -> Iterator[dict[str, Any]]:
    """The `start` and `done` answers, as they come. TensorFlow and Keras are imported here.

    Raises:
        EdgeconvError: what is wrong with the model or the folder.
    """
    from edgeconv.targets.conversion.worker import Session

    session = Session(job)
    for task in job.tasks:
        yield {"event": "start", "task": task.number}
        yield {"event": "done", "task": task.number, **session.make(task)}
