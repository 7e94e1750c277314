"""This machine: worker processes of one thread each, one for each core."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from edgeconv.errors import EdgeconvError, UsageError
from edgeconv.search.candidates import Evaluate, Task, TaskOutcome
from edgeconv.search.executors import ONE_THREAD, keep_to_one_thread

SHUTDOWN_TIMEOUT = 10.0  # seconds that an idle worker may take to leave
TRIES = 2  # the system may have taken a worker's memory for somebody else


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    task: Task | None = None


class Local:
    """Fresh processes, since a TensorFlow that was forked hangs. Each lives until `close`."""

    def __init__(self, evaluate: Evaluate, workers: int | None, address: str) -> None:
        if address:
            raise UsageError("--address is for --executor ray", "leave it out")
        self.workers = workers or len(os.sched_getaffinity(0))
        self._evaluate = evaluate
        self._workers: list[_Worker] = []
        self._waiting: deque[Task] = deque()
        self._deaths: dict[str, int] = {}

    def submit(self, task: Task) -> None:
        """Give it to an idle worker, or let it wait for one."""
        self._waiting.append(task)
        self._dispatch()

    def collect(self) -> tuple[Any, Any]:
        """The next task that ends. Where its worker dies twice, the outcome says so."""
        while True:
            ready = wait([worker.connection for worker in self._workers])
            worker = next(w for w in self._workers if w.connection in ready)
            ended = self._receive(worker)
            self._dispatch()
            if ended is not None:
                return ended

    def close(self) -> None:
        """End the workers: the idle ones by themselves, the busy ones at once."""
        for worker in self._workers:
            if worker.task is not None:
                worker.process.kill()
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(SHUTDOWN_TIMEOUT)
            worker.process.kill()
            worker.process.join()
        self._workers.clear()
        self._waiting.clear()

    def _receive(self, worker: _Worker) -> tuple[Any, Any] | None:
        task, worker.task = worker.task, None
        if task is None:
            raise RuntimeError("a worker answered without a task")
        try:
            answer: Any = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._dead(worker, task)
        if isinstance(answer, EdgeconvError):
            raise answer
        if isinstance(answer, str):
            raise RuntimeError(f"the evaluation of {task} failed:\n{answer}")
        return task, answer

    def _dead(self, worker: _Worker, task: Task) -> tuple[Any, Any] | None:
        worker.process.join()
        self._workers.remove(worker)
        self._deaths[task.key] = self._deaths.get(task.key, 0) + 1
        if self._deaths[task.key] < TRIES:
            self._waiting.appendleft(task)
            return None
        return task, TaskOutcome(failed=f"its worker died (exit code {worker.process.exitcode})")

    def _dispatch(self) -> None:
        while self._waiting:
            idle = next((w for w in self._workers if w.task is None), None)
            if idle is None:
                if len(self._workers) >= self.workers:
                    return
                idle = self._spawn()
            idle.task = self._waiting.popleft()
            idle.connection.send(idle.task)

    def _spawn(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._evaluate), daemon=True)
        before = dict(os.environ)
        keep_to_one_thread()  # the child's environment is there before its first import
        try:
            process.start()
        finally:
            for name in ONE_THREAD:
                os.environ.pop(name)
                os.environ |= {name: before[name]} if name in before else {}
        theirs.close()
        self._workers.append(_Worker(process, ours))
        return self._workers[-1]


def _work(connection: Connection, evaluate: Evaluate) -> None:
    """Life of a worker process: until its parent hangs up or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Converters write to both from native code; what went wrong travels through the connection.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        connection.send(_answer(evaluate, task))


def _answer(evaluate: Evaluate, task: Task) -> Any:
    import traceback

    try:
        return evaluate(task)
    except EdgeconvError as error:
        return error
    except Exception:  # noqa: BLE001 - a bug: its whole trace belongs to the parent's report
        return traceback.format_exc()


def _end_with_parent() -> None:
    """A killed parent cannot tell its children; an orphan would go on training."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
