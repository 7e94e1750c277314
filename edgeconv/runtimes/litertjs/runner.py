"""`.tflite` files in LiteRT.js (WebAssembly), as a web page runs them on its processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import BoundRun, TensorSpec
from edgeconv.core.runner import Closing
from edgeconv.errors import BadInput, EdgeconvError, MissingDependency, Unsupported, UsageError
from edgeconv.runtimes.litertjs import installation
from edgeconv.runtimes.window_shapes import Arrays, FixedBatch
from edgeconv.subprocesses import Channel, ChannelError
from edgeconv.targets.tflite.reader import read_graph

CHUNK = 64  # inferences of one request, so that an interruption is noticed soon
SECONDS = 300.0  # for an answer
_TYPES = ("float32", "int32")
_FLOAT = "export it with float input and output and batch 1 (what edgeconv does by default)"


class LiteRTJSRunner(Closing):
    """LiteRT.js in a separate Node process, offline. Not for use from two threads at once.

    Weights may have any type that LiteRT supports; inputs and outputs are float32 or int32.

    Attributes:
        version: of @litertjs/core.

    Raises:
        BadInput: missing, truncated or damaged file.
        Unsupported: other types of inputs or outputs, shapes that are not fixed, or an operation
            that LiteRT.js lacks.
        MissingDependency: Node or the npm package is missing or does not start.
        UsageError: `num_threads` other than 1.
    """

    runtime: ClassVar[str] = "litertjs"
    kernels: ClassVar[str] = "XNNPACK in WebAssembly"

    def __init__(self, path: Path, num_threads: int = 1) -> None:
        if num_threads != 1:
            raise UsageError(
                f"litertjs runs on one thread, got num_threads {num_threads}",
                "give 1, or another runtime",
            )
        self.path = path
        graph = read_graph(path)  # a damaged file ends here
        for spec in (*graph.inputs, *graph.outputs):
            if spec.dtype not in _TYPES:
                raise Unsupported(f"{path}: LiteRT.js takes no {spec.dtype} '{spec.name}'", _FLOAT)
        self.inputs: dict[str, TensorSpec] = {spec.name: spec for spec in graph.inputs}
        self.outputs: dict[str, TensorSpec] = {spec.name: spec for spec in graph.outputs}
        self._fixed_batch = FixedBatch(path, self.inputs, self.outputs)
        here = installation.installed()
        script = str(installation.HERE / "serve.mjs")
        self._channel = Channel([here.node, script, str(here.folder), str(path.absolute())])
        try:
            head, _ = self._answer(lambda: self._channel.listen(SECONDS))
        except BaseException:
            self._channel.close()
            raise
        self.version = str(head["version"])
        self._input_names = _order(head["inputs"], self.inputs)
        self._output_names = _order(head["outputs"], self.outputs)

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs under the same leading batch. BadInput as in the protocol."""
        return self._fixed_batch.run(arrays, self._infer)

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> BoundRun:
        """One inference of these samples, including the transfer to the Node process and back."""
        single, leading = self._fixed_batch.single(arrays)
        self._infer({name: array[None] for name, array in single.items()}, 1)

        def read() -> Arrays:
            return self._fixed_batch.joined(
                self._unpacked(self._request({"outputs": True}, b""), 1), leading
            )

        return BoundRun(partial(self._request, {"again": True}, b""), read)

    def close(self) -> None:
        self._channel.close()

    def _infer(self, arrays: Arrays, count: int) -> Arrays:
        outputs = {
            name: np.empty((count, *spec.shape), spec.dtype) for name, spec in self.outputs.items()
        }
        for start in range(0, count, CHUNK):
            here = slice(start, min(start + CHUNK, count))
            fed = [arrays[name][here] for name in self._input_names]
            answer = self._request({"run": here.stop - start}, b"".join(a.tobytes() for a in fed))
            for name, part in self._unpacked(answer, here.stop - start).items():
                outputs[name][here] = part
        return outputs

    def _unpacked(self, answer: bytes, count: int) -> Arrays:
        """The outputs of `count` inferences out of the bytes of an answer."""
        arrays, at = {}, 0
        for name in self._output_names:
            spec = self.outputs[name]
            size = count * prod(spec.shape)
            flat = np.frombuffer(answer, spec.dtype, size, at)
            arrays[name] = flat.reshape(count, *spec.shape)
            at += flat.nbytes
        return arrays

    def _request(self, head: dict[str, Any], payload: bytes) -> bytes:
        return self._answer(lambda: self._channel.ask(head, payload, SECONDS))[1]

    def _answer(
        self, ask: Callable[[], tuple[dict[str, Any], bytes]]
    ) -> tuple[dict[str, Any], bytes]:
        try:
            head, payload = ask()
        except ChannelError as error:
            raise BadInput(
                f"{self.path}: LiteRT.js gives no answer: {error}",
                "try the file with --runtime litert, and again",
            ) from error
        if "error" in head:
            raise _refusal(self.path, str(head["error"]), str(head["kind"]))
        return head, payload


def _refusal(path: Path, message: str, kind: str) -> EdgeconvError:
    text = " ".join(message.split())
    if kind == "lacking":
        return MissingDependency(
            f"LiteRT.js does not start: {text}", f"install it again: {installation.command()}"
        )
    if kind == "refused":
        return Unsupported(f"{path}: LiteRT.js cannot run this file: {text}", _FLOAT)
    return BadInput(f"{path}: LiteRT.js fails on this file: {text}", "export it again")


def _order(listed: list[dict[str, Any]], specs: Mapping[str, TensorSpec]) -> list[str]:
    """The names in the order of LiteRT.js, which uses other names where there is no signature."""
    names = [str(one["name"]) for one in listed]
    return names if set(names) == set(specs) else list(specs)
