"""Engines in a process of their own, which may crash, never end, or take all memory.

A file with an intact structure may still hold values that crash LiteRT or ONNX Runtime, let an
engine run forever, or make it fail midway. `GuardedRunner` is a runner whose engine is elsewhere:
`python -P -m edgeconv.runtimes.guarded` opens the file and answers its requests. A process that
nothing happened to is used again, so that a command pays for one start.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from functools import cached_property, partial
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv import errors
from edgeconv.core import BoundRun, Runner, TensorSpec
from edgeconv.core.runner import Closing, TensorType
from edgeconv.errors import BadInput, EdgeconvError, Unsupported, UsageError
from edgeconv.runtimes import RunLimits, inspectable, open_runner
from edgeconv.runtimes.arrays import DYNAMIC_CHUNK, Batching, Samples, prepare
from edgeconv.subprocesses import (
    Answer,
    Channel,
    ChannelError,
    Pool,
    limit_memory,
    packed,
    serve,
    unpacked,
)

Arrays = dict[str, NDArray[Any]]

_HINT = "it is damaged or was never run: export it again, or copy it again whole"
_LARGEST_STEP = 256  # inferences of one request, so that an interruption is noticed soon
_PART = 20  # of the limit of time: what a request of several inferences should take at most
_TOGETHER = 64  # samples of one inference that share the limit of time
_AFTER = 10.0  # seconds after which a process ends itself whose parent did not end it
_BASE, _TIMES = 4096, 8
_processes = Pool("edgeconv.runtimes.guarded")


class GuardedRunner(Closing):
    """A runner in another process. Not for use from two threads at once.

    Raises:
        BadInput: the engine crashes on the file, fails while it runs, or does not end in time; and
            all that the runner itself raises.
    """

    def __init__(
        self, path: Path, runtime: str, engine: str, limits: RunLimits, options: Mapping[str, Any]
    ) -> None:
        self.path, self.runtime = path, runtime
        self._engine, self._limits = engine, limits
        self._channel: Channel | None = _processes.take()
        self._sound = True
        plain = {n: v.item() if hasattr(v, "item") else v for n, v in options.items()}
        # the process was started earlier, perhaps in another folder
        folder = "" if path.is_absolute() else str(Path.cwd())
        head = {"path": str(path), "folder": folder, "runtime": runtime, "engine": engine}
        try:
            answer, _ = self._ask(
                "open", {**head, "options": plain, "megabytes": _megabytes(path, limits)}
            )
        except BaseException:
            self.close()
            raise
        self.kernels = str(answer["kernels"])
        self.inputs = _specs(answer["inputs"])
        self.outputs = _specs(answer["outputs"])
        self._batching = Batching.of([*self.inputs.values()], [*self.outputs.values()])

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
        """Outputs as real numbers under the same leading batch. BadInput as in the protocol."""
        samples = prepare(self.inputs, self._batching, arrays)
        size = self._batching.size
        unit = DYNAMIC_CHUNK if size < 0 else max(size, 1)
        seconds = self._limits.seconds * max(1, unit // _TOGETHER)
        parts, start, step = [], 0, unit
        while True:
            began = monotonic()
            head, payload = packed({n: a[start : start + step] for n, a in samples.arrays.items()})
            parts.append(unpacked(*self._ask("run", head, payload, seconds)))
            start += step
            if start >= samples.n:
                return _joined(parts, samples)
            if size >= 0:  # outputs do not depend on where the samples are cut
                each = (monotonic() - began) / (step // unit)
                step = unit * min(_LARGEST_STEP, max(1, int(seconds / _PART / each)))

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> BoundRun:
        """One inference of these samples, with a request to the process and its answer."""
        samples = prepare(self.inputs, self._batching, arrays)
        self._ask("bind", *packed(samples.arrays))
        return BoundRun(
            partial(self._ask, "infer"),
            lambda: _joined([unpacked(*self._ask("results"))], samples),
        )

    # --- the process --------------------------------------------------------------------------

    def _ask(
        self,
        what: str,
        head: Mapping[str, Any] | None = None,
        payload: bytes = b"",
        seconds: float = 0.0,
    ) -> Answer:
        """Raises what the runner raised, or BadInput where the process does not answer."""
        if self._channel is None:
            raise UsageError(f"{self.path} is closed", "open it again")
        if not self._sound:
            raise BadInput(f"{self.path}: {self._engine} has ended on this file", _HINT)
        limit = seconds or self._limits.seconds
        self._sound = False  # an interruption leaves half an answer in the pipe
        try:
            request = {"do": what, "seconds": limit + _AFTER, **(head or {})}
            answer, data = self._channel.ask(request, payload, limit)
        except ChannelError as error:
            raise self._fault(error, limit) from error
        self._sound = True
        if "bug" in answer:
            raise RuntimeError(f"running {self.path} in another process failed: {answer['bug']}")
        if "error" in answer:
            raised: EdgeconvError = getattr(errors, answer["error"])(
                answer["message"], answer["hint"]
            )
            raise raised
        return answer, data

    def _fault(self, error: ChannelError, seconds: float) -> BadInput:
        if error.late:
            return BadInput(
                f"{self.path}: {self._engine} did not end within {seconds:g} s on this input; a "
                "loop in the file may never end",
                "look at the condition of its WHILE operation, or convert the model without it; "
                "edgeconv.RunLimits gives a slow file more time",
            )
        if error.signal:
            text = f"{self.path}: {self._engine} crashes on this file (signal {error.signal})"
            return BadInput(text, _HINT)
        return BadInput(f"{self.path}: {self._engine} gives no answer: {error}", _HINT)

    def close(self) -> None:
        """Give the process back, or end it if something happened to it."""
        if self._sound and self._channel is not None:
            with suppress(EdgeconvError, RuntimeError):
                self._ask("close")
        channel, self._channel = self._channel, None
        if channel is not None and self._sound:
            _processes.give_back(channel)
        elif channel is not None:
            channel.close()


@dataclass(frozen=True)
class _Value:
    """The type of a value inside a file: a `TensorType`."""

    dtype: str
    shape: tuple[int, ...] | None


class GuardedInspector(GuardedRunner):
    """One that also shows the values between the operations."""

    @cached_property
    def tensors(self) -> Mapping[str, TensorType]:
        """Type of each value that `intermediates` can give, in computed order."""
        listed = self._ask("tensors")[0]["tensors"]
        return {
            name: _Value(dtype, None if shape is None else tuple(shape))
            for name, dtype, shape in listed
        }

    def intermediates(
        self, arrays: Mapping[str, NDArray[Any]], names: Collection[str] | None = None
    ) -> Arrays:
        """Values inside the file, sample by sample, as real numbers; as in `Inspectable`."""
        samples = prepare(self.inputs, self._batching, arrays)
        head, payload = packed(samples.arrays)
        head["names"] = None if names is None else list(names)
        seconds = self._limits.seconds * max(1, samples.n // _TOGETHER)
        return _joined([unpacked(*self._ask("intermediates", head, payload, seconds))], samples)


def _joined(parts: list[Arrays], samples: Samples) -> Arrays:
    """Outputs of all requests, under the batch that the caller gave."""
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: value.reshape(samples.leading + value.shape[1:]) for name, value in whole.items()}


def _specs(listed: list[list[Any]]) -> dict[str, TensorSpec]:
    return {
        name: TensorSpec(name, tuple(shape), dtype, scale, zero_point)
        for name, shape, dtype, scale, zero_point in listed
    }


def _megabytes(path: Path, limits: RunLimits) -> int:
    if limits.megabytes is not None:
        return limits.megabytes
    size = sum(part.stat().st_size for part in [path, *path.rglob("*")] if part.is_file())
    return _BASE + _TIMES * (size >> 20)


class _Server:
    """The process: it holds one runner at a time."""

    def __init__(self) -> None:
        self._runner: Runner | None = None
        self._bound: BoundRun | None = None
        self._path, self._engine = "", ""

    def answer(self, head: dict[str, Any], payload: bytes) -> Answer:
        # Its parent may be gone, and no signal handler of Python's runs inside native code: the
        # system ends the process when its time is over.
        signal.setitimer(signal.ITIMER_REAL, head["seconds"])
        try:
            return self._answer(head, payload)
        except EdgeconvError as error:
            return _refused(error), b""
        except (RuntimeError, ValueError, MemoryError) as error:
            text = " ".join(str(error).split()) or type(error).__name__
            text = f"{self._path}: {self._engine} cannot run this file: {text}"
            return _refused(BadInput(text, _HINT)), b""
        except Exception:  # noqa: BLE001 - the parent raises it
            return {"bug": traceback.format_exc()}, b""
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _answer(self, head: dict[str, Any], payload: bytes) -> Answer:
        what = head["do"]
        if what == "open":
            return self._open(head)
        if what == "close":
            self._end()
            return {}, b""
        runner, bound = self._runner, self._bound
        assert runner is not None
        if what == "tensors":
            values = inspectable(runner).tensors
            return {"tensors": [(n, value.dtype, value.shape) for n, value in values.items()]}, b""
        if what == "run":
            return _sent(runner.run(unpacked(head, payload)))
        if what == "intermediates":
            arrays = unpacked(head, payload)
            return _sent(inspectable(runner).intermediates(arrays, head["names"]))
        if what == "bind":
            self._bound = runner.bind(unpacked(head, payload))
            return {}, b""
        assert bound is not None
        if what == "infer":
            bound()
            return {}, b""
        return _sent(bound.outputs())

    def _open(self, head: dict[str, Any]) -> Answer:
        self._end()
        self._path, self._engine = head["path"], head["engine"]
        if head["folder"]:
            os.chdir(head["folder"])
        limit_memory(head["megabytes"])
        path = Path(self._path)
        self._runner = open_runner(path, head["runtime"], limits=None, **head["options"])
        sides = {"inputs": self._runner.inputs, "outputs": self._runner.outputs}
        specs = {name: [astuple(spec) for spec in side.values()] for name, side in sides.items()}
        return {"kernels": getattr(self._runner, "kernels", ""), **specs}, b""

    def _end(self) -> None:
        runner, self._runner, self._bound = self._runner, None, None
        if runner is not None:
            runner.__exit__(None, None, None)


def _refused(error: EdgeconvError) -> dict[str, Any]:
    known = (kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return {"error": next(known), "message": error.message, "hint": error.hint}


def _sent(arrays: Mapping[str, NDArray[Any]]) -> Answer:
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise Unsupported(
                f"'{name}' holds text, which edgeconv does not compare",
                "give the model numbers instead of text",
            )
    return packed(arrays)


if __name__ == "__main__":
    serve(_Server().answer)
