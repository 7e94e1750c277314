"""Ray: one actor of one thread for each core of a cluster, or of this machine."""

from __future__ import annotations

from collections import deque
from typing import Any

from edgeconv import plugins
from edgeconv.errors import BadInput, EdgeconvError
from edgeconv.search.candidates import Evaluate, Task, TaskOutcome
from edgeconv.search.executors import keep_to_one_thread

TRIES = 2
STARTS = 3  # Ray's processes time out after half a minute, which a busy machine may exceed


class OnRay:
    """Data and recipe go through Ray's object store once; each task is a few words.

    Raises:
        MissingDependency: Ray is not installed.
        BadInput: no cluster answers at the address.
    """

    def __init__(self, evaluate: Evaluate, workers: int | None, address: str) -> None:
        self._ray = _import_ray()
        self._ours = not self._ray.is_initialized()
        if self._ours:
            self._connect(workers, address)
        self.workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._evaluate = self._ray.put(evaluate)
        self._actor = self._ray.remote(num_cpus=1, max_restarts=0)(_Actor)
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Task]] = {}
        self._waiting: deque[Task] = deque()
        self._deaths: dict[str, int] = {}
        self._started = 0

    def submit(self, task: Task) -> None:
        """Give it to an idle actor, or let it wait for one."""
        self._waiting.append(task)
        self._dispatch()

    def collect(self) -> tuple[Any, Any]:
        """The next task that ends. Where its actor dies twice, the outcome says so."""
        while True:
            (reference,), _ = self._ray.wait(list(self._busy), num_returns=1)
            actor, task = self._busy.pop(reference)
            try:
                answer = self._ray.get(reference)
            except self._ray.exceptions.RayActorError as error:
                answer = self._dead(task, error)
            else:
                self._idle.append(actor)
            self._dispatch()
            if isinstance(answer, EdgeconvError):
                raise answer
            if answer is not None:
                return task, answer

    def close(self) -> None:
        """Stop the actors, and Ray if it was started here."""
        for actor in [*self._idle, *(actor for actor, _ in self._busy.values())]:
            self._ray.kill(actor)
        self._idle.clear()
        self._busy.clear()
        self._waiting.clear()
        if self._ours:
            self._ray.shutdown()

    def _connect(self, workers: int | None, address: str) -> None:
        options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
        if address:
            options["address"] = address
        else:
            options |= {"num_cpus": workers, "include_dashboard": False, "address": "local"}
        for left in reversed(range(1 if address else STARTS)):
            try:
                self._ray.init(**options)
                return
            except Exception as error:
                self._ray.shutdown()
                if left:
                    continue
                where = f"no Ray cluster at {address}" if address else "Ray does not start"
                hint = "start one: ray start --head" if address else "try again when it is idle"
                raise BadInput(f"{where}: {error}", hint) from error

    def _dead(self, task: Task, error: Exception) -> TaskOutcome | None:
        self._started -= 1
        self._deaths[task.key] = self._deaths.get(task.key, 0) + 1
        if self._deaths[task.key] < TRIES:
            self._waiting.appendleft(task)
            return None
        return TaskOutcome(failed=f"its worker died: {str(error).splitlines()[0]}")

    def _dispatch(self) -> None:
        while self._waiting:
            if not self._idle:
                if self._started >= self.workers:
                    return
                self._idle.append(self._actor.remote(self._evaluate))
                self._started += 1
            actor, task = self._idle.pop(), self._waiting.popleft()
            self._busy[actor.run.remote(task)] = actor, task


class _Actor:
    """What lives in a Ray worker."""

    def __init__(self, evaluate: Evaluate) -> None:
        keep_to_one_thread()
        self._evaluate = evaluate

    def run(self, task: Task) -> Any:
        """The outcome, or the user's error, which Ray would wrap."""
        try:
            return self._evaluate(task)
        except EdgeconvError as error:
            return error


def _import_ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise plugins.missing(error) from error
    return ray
