"""The process that holds Apple's Core AI code: `python -P -m edgeconv.targets.coreai.server`.

It reads programs and runs them in Apple's interpreter. Both are native code of a beta, so that
they are kept out of the process that asks (`engine.py`). A request is a line of JSON and the
bytes that it announces; so is an answer.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

# On macOS too the interpreter of the package, whatever the system has.
os.environ.setdefault("USE_LOCAL_COREAI", "1")

import coreai.authoring
import coreai.runtime
import numpy as np

from edgeconv.subprocesses import Answer, packed, serve, unpacked
from edgeconv.targets.coreai.mlir import Head, Program


class _Model:
    """A program that is loaded into the interpreter."""

    def __init__(self, program: Program, loop: Any) -> None:
        self._loop = loop
        self._stack = ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(suffix=".aimodelx"))
        self._program = program  # its context is the model's
        program.lower(Path(folder))
        self._model = loop.run_until_complete(coreai.runtime.AIModel.load(path=folder))
        self._name = program.name
        self._function = self._model.load_function(self._name)
        self.inputs = list(self._function.desc.input_names)
        self.outputs = list(self._function.desc.output_names)
        self._fed: dict[str, Any] = {}
        self._found: dict[str, Any] = {}

    def feed(self, arrays: Mapping[str, Any]) -> None:
        self._fed = {
            name: coreai.runtime.NDArray(np.ascontiguousarray(array))
            for name, array in arrays.items()
        }
        self._found = {}

    def infer(self) -> None:
        self._found = self._loop.run_until_complete(self._function(self._fed))

    def results(self) -> dict[str, Any]:
        """Outputs of the last inference. Raises KeyError where there was none."""
        return {name: np.array(self._found[name].numpy()) for name in self.outputs}

    def run(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        self.feed(arrays)
        self.infer()
        return self.results()

    def timed(self, runs: int) -> list[list[tuple[str, int]]]:
        """Name and ns of each operation of the interpreter, for each run on what was fed."""
        calls: list[tuple[str, int]] = []
        begun: dict[int, tuple[str, int]] = {}

        def begin(event: Any) -> int:
            number = len(begun)
            begun[number] = (str(event.event_id), int(event.timestamp))
            return number

        def end(event: Any, number: int) -> None:
            name, start = begun.pop(number, ("", 0))
            if name.startswith("call.coreai."):
                calls.append((name.removeprefix("call."), int(event.timestamp) - start))

        profiler = coreai.runtime.Profiler(on_log_event_begin=begin, on_log_event_end=end)
        function = self._model.load_function(self._name, profiler=profiler)
        found = []
        for _ in range(runs):
            calls.clear()
            begun.clear()
            self._loop.run_until_complete(function(self._fed))
            found.append(list(calls))
        return found

    def close(self) -> None:
        self._function = self._model = None
        self._stack.close()


class Server:
    """Answers requests; models that were opened stay open until they are closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._models: dict[int, _Model] = {}
        self._count = 0

    def answer(self, head: Head, payload: bytes) -> Answer:
        requests: dict[str, Callable[[Head, bytes], Answer]] = {
            "describe": self._describe,
            "resources": self._resources,
            "open": self._open,
            "run": self._run,
            "feed": self._feed,
            "infer": self._infer,
            "results": self._results,
            "time": self._time,
            "close": self._close,
        }
        return requests[head["do"]](head, payload)

    def _describe(self, head: Head, _: bytes) -> Answer:
        return Program(Path(head["path"])).describe(), b""

    def _resources(self, head: Head, _: bytes) -> Answer:
        contents = Program(Path(head["path"])).resources()
        return {"sizes": {name: len(data) for name, data in contents.items()}}, b"".join(
            contents.values()
        )

    def _open(self, head: Head, _: bytes) -> Answer:
        program = Program(Path(head["path"]), head["float32"])
        if head["show"] is not None:
            program.show(head["show"])
        if head["unpacked"] and (numbers := program.unpacked_weights()):
            program.replace(self._constants(head, numbers))
        model = _Model(program, self._loop)
        self._count += 1
        self._models[self._count] = model
        return {"model": self._count, "inputs": model.inputs, "outputs": model.outputs}, b""

    def _constants(self, head: Head, numbers: list[int]) -> dict[int, Any]:
        """What Apple's interpreter makes of the weights, whatever the inputs are."""
        program = Program(Path(head["path"]), head["float32"])
        described = program.describe()
        types = {name: described["types"][number] for name, number in described["inputs"]}
        program.show(numbers)
        model = _Model(program, self._loop)
        zeros = {name: np.zeros(shape, dtype) for name, (shape, dtype) in types.items()}
        results = model.run({name: zeros[name] for name in model.inputs})
        model.close()
        return {number: results[f"value{number}"] for number in numbers}

    def _run(self, head: Head, payload: bytes) -> Answer:
        model, arrays = self._models[head["model"]], unpacked(head, payload)
        count = head["count"]
        results = [model.run({name: a[i] for name, a in arrays.items()}) for i in range(count)]
        return packed({name: np.stack([r[name] for r in results]) for name in model.outputs})

    def _feed(self, head: Head, payload: bytes) -> Answer:
        arrays = unpacked(head, payload)
        self._models[head["model"]].feed({name: array[0] for name, array in arrays.items()})
        return {}, b""

    def _infer(self, head: Head, _: bytes) -> Answer:
        self._models[head["model"]].infer()
        return {}, b""

    def _results(self, head: Head, _: bytes) -> Answer:
        found = self._models[head["model"]].results()
        return packed({name: array[None] for name, array in found.items()})

    def _time(self, head: Head, _: bytes) -> Answer:
        return {"runs": self._models[head["model"]].timed(head["runs"])}, b""

    def _close(self, head: Head, _: bytes) -> Answer:
        self._models.pop(head["model"]).close()
        return {}, b""


def main() -> None:
    """Answer until the input ends."""
    server = Server()

    def answer(head: Head, payload: bytes) -> Answer:
        try:
            return server.answer(head, payload)
        except Exception as error:  # noqa: BLE001 - bindings raise anything
            return {"error": str(error) or type(error).__name__}, b""

    serve(answer)


if __name__ == "__main__":
    main()
