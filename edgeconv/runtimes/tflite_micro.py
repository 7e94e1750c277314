"""`.tflite` files in TensorFlow Lite for Microcontrollers, built for this machine.

Its kernels were written independently of XNNPACK's, which makes it the most independent second
opinion on an int8 file. It shows what a microcontroller computes, not how fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import BoundRun, TensorSpec
from edgeconv.core.runner import Closing
from edgeconv.errors import BadInput, UsageError
from edgeconv.runtimes.arena import ROOM, open_interpreter, try_out
from edgeconv.runtimes.window_shapes import Arrays, FixedBatch
from edgeconv.targets.tflite.reader import read_bytes, read_graph


class TFLiteMicroRunner(Closing):
    """tflite-micro's interpreter. One inference per sample; not for use from two threads.

    A file is tried in a separate process before this one opens it.

    Raises:
        BadInput: missing, truncated or damaged file, or one that crashes tflite-micro.
        Unsupported: a file that tflite-micro cannot run: weights in float16, float activations
            with integer weights (`dynamic`), an operation that it lacks, or shapes that are not
            fixed.
        UsageError: `num_threads` other than 1.
    """

    runtime: ClassVar[str] = "tflite-micro"
    kernels: ClassVar[str] = "tflite-micro's reference kernels"

    def __init__(self, path: Path, num_threads: int = 1) -> None:
        if num_threads != 1:
            raise UsageError(
                f"tflite-micro runs on one thread, got num_threads {num_threads}",
                "give 1, or another runtime",
            )
        self.path = path
        graph = read_graph(path)
        self.inputs: dict[str, TensorSpec] = {spec.name: spec for spec in graph.inputs}
        self.outputs: dict[str, TensorSpec] = {spec.name: spec for spec in graph.outputs}
        self._fixed_batch = FixedBatch(path, self.inputs, self.outputs)
        try_out(path)
        self._interpreter: Any = open_interpreter(read_bytes(path), ROOM)

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs as real numbers under the same leading batch. BadInput as in the protocol."""
        return self._fixed_batch.run(arrays, self._infer)

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> BoundRun:
        """One inference, including the copies of its inputs: in the arena, later tensors take the
        memory of the inputs, so that a second inference needs them again."""
        single, leading = self._fixed_batch.single(arrays)
        inputs = list(enumerate(single.values()))
        interpreter = self._interpreter

        def infer() -> None:
            for at, array in inputs:
                interpreter.set_input(array, at)
            interpreter.invoke()

        return BoundRun(infer, partial(self._read, leading))

    def _read(self, leading: tuple[int, ...]) -> Arrays:
        """What the last inference left in the output tensors."""
        outputs = {n: self._interpreter.get_output(at)[None] for at, n in enumerate(self.outputs)}
        return self._fixed_batch.joined(outputs, leading)

    def _infer(self, arrays: Arrays, count: int) -> Arrays:
        interpreter = self._interpreter
        answers = {
            name: np.empty((count, *spec.shape), spec.dtype) for name, spec in self.outputs.items()
        }
        inputs, outputs = list(enumerate(arrays.values())), list(enumerate(answers.values()))
        for step in range(count):
            interpreter.reset()  # an LSTM keeps its state between calls; windows are independent
            for at, array in inputs:
                interpreter.set_input(array[step], at)
            try:
                interpreter.invoke()
            except RuntimeError as error:
                raise BadInput(
                    f"{self.path}: tflite-micro failed in window {step}",
                    "run it with --runtime litert: its message says more",
                ) from error
            for at, array in outputs:
                array[step] = interpreter.get_output(at)
        return answers

    def close(self) -> None:
        self._interpreter = None  # frees the arena
