"""`.aimodel` files in Apple's own interpreter, which its package holds for Linux and macOS."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import BoundRun, TensorSpec
from edgeconv.core.runner import Closing
from edgeconv.errors import BadInput, EdgeconvError, Unsupported, UsageError
from edgeconv.runtimes.window_shapes import Arrays, FixedBatch
from edgeconv.targets.coreai.engine import Engine, Loaded
from edgeconv.targets.coreai.reader import read_graph
from edgeconv.targets.file_graph import activations

CHUNK = 16
"""Inferences of one request, which share its limit of time."""
COMPUTES = AS_SPECIFIED, FLOAT32 = ("as-specified", "float32")
_TYPES = (
    *("float32", "float16", "float64", "int8", "int16", "int32", "int64", "bool"),
    *("uint8", "uint16", "uint32", "uint64"),
)


class CoreAIRunner(Closing):
    """Apple's interpreter in a process of its own. Not for use from two threads at once.

    `run` lets it unpack packed weights once; `bind` and `operation_times`, which are timed, as a
    file says, in each inference.

    It computes operation by operation on this machine's processor: it shows what the file says,
    and measures no phone.

    Args:
        compute: `as-specified`; `float32` computes so wherever the file says float16, which shows
            what that costs, and the size of what overflows.

    Attributes:
        tensors: type of each value that `intermediates` can give, in computed order.

    Raises:
        BadInput: missing, truncated or damaged file, or one that Apple's interpreter refuses.
        Unsupported: inputs or outputs of other types, or without fixed shapes.
        UsageError: an unknown `compute`.
    """

    runtime: ClassVar[str] = "coreai"
    kernels: ClassVar[str] = "Apple's interpreter"

    def __init__(self, path: Path, compute: str = AS_SPECIFIED) -> None:
        if compute not in COMPUTES:
            raise UsageError(
                f"unknown compute '{compute}'", f"choose one of: {', '.join(COMPUTES)}"
            )
        self.path = path
        self._in_float32 = compute == FLOAT32
        graph = read_graph(path)  # a damaged file ends here
        self.inputs: dict[str, TensorSpec] = {spec.name: spec for spec in graph.inputs}
        self.outputs: dict[str, TensorSpec] = {spec.name: spec for spec in graph.outputs}
        for spec in (*graph.inputs, *graph.outputs):
            if spec.dtype not in _TYPES:
                raise Unsupported(
                    f"{path}: this runtime gives and takes no {spec.dtype} ('{spec.name}')",
                    "convert the model with float32 inputs and outputs",
                )
        self._fixed_batch = FixedBatch(path, self.inputs, self.outputs)
        self._numbers = activations(graph)
        self._kinds = graph.kinds
        self.tensors = {name: graph.tensors[i].spec(name) for name, i in self._numbers.items()}
        self._engine = Engine(path)
        self._as_stored: Loaded | None = None  # weights unpacked in each inference, to be timed
        try:
            self._loaded = self._engine.open(in_float32=self._in_float32, unpacked=True)
        except BaseException:
            self._engine.close()
            raise

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Outputs under the same leading batch. BadInput as in the protocol."""
        return self._fixed_batch.run(arrays, partial(self._infer, self._loaded))

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> BoundRun:
        """One inference of these samples, including the way to the other process and back."""
        single, leading = self._fixed_batch.single(arrays)
        loaded = self._timed()
        self._engine.feed(loaded, {n: array[None] for n, array in single.items()})

        def read() -> Arrays:
            return self._fixed_batch.joined(self._engine.results(loaded), leading)

        return BoundRun(partial(self._engine.infer, loaded), read)

    def _timed(self) -> Loaded:
        """The program as the file has it."""
        if self._as_stored is None:
            self._as_stored = self._engine.open(in_float32=self._in_float32)
        return self._as_stored

    def operation_times(
        self, arrays: Mapping[str, NDArray[Any]], inferences: int
    ) -> list[list[float]]:
        """µs of each operation of the file, for each inference, as the interpreter reports them."""
        self.bind(arrays)
        return [
            _by_operation(self._kinds, each)
            for each in self._engine.timed(self._timed(), inferences)
        ]

    def intermediates(
        self, arrays: Mapping[str, NDArray[Any]], names: Collection[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Values inside the file, sample by sample; as in `Inspectable`.

        The program is loaded once more with these values as its outputs.
        """
        requested = list(dict.fromkeys(self.tensors if names is None else names))
        unknown = sorted(set(requested) - set(self.tensors))
        if unknown:
            raise BadInput(
                f"{self.path.name} has no tensor '{unknown[0]}'",
                "`tensors` of the runner lists them; constants are none of them",
            )
        numbers = [self._numbers[name] for name in requested]
        samples, leading = self._samples(arrays)
        loaded = self._engine.open(numbers, self._in_float32)
        try:
            found = self._infer(loaded, samples, len(next(iter(samples.values()))))
        finally:
            self._engine.unload(loaded)
        values = {}
        for name, i in zip(requested, numbers, strict=True):
            value = found[f"value{i}"]  # (samples, *shape)
            batched = value.ndim > 1 and value.shape[1] == 1
            one = value[:, 0] if batched else value
            values[name] = one.reshape(leading + one.shape[1:])
        return values

    def _samples(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[Arrays, tuple[int, ...]]:
        """Inputs (inferences, *shape of the tensor), one sample each, and the caller's batch."""
        given, leading = self._fixed_batch.inferences(arrays)
        if not len(next(iter(given.values()))):
            raise BadInput(
                f"{self.path.name}: no sample to look inside with", "give one sample or more"
            )
        return given, leading

    def _infer(self, loaded: Loaded, arrays: Arrays, count: int) -> Arrays:
        parts: list[Arrays] = [
            self._engine.run(loaded, {n: a[start : start + CHUNK] for n, a in arrays.items()})
            for start in range(0, count, CHUNK)
        ]
        if not parts:
            return {n: np.empty((0, *s.shape), s.dtype) for n, s in self.outputs.items()}
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def close(self) -> None:
        with suppress(EdgeconvError):  # the process may have ended on the file
            for loaded in filter(None, (self._loaded, self._as_stored)):
                self._engine.unload(loaded)
        self._engine.close()


def _by_operation(kinds: Sequence[str], calls: Sequence[tuple[str, float]]) -> list[float]:
    """µs of each operation, of the interpreter's calls in their order.

    A call mostly bears the name of its operation. Where it does not (a relu is a maximum there),
    calls and operations between two known ones are told apart by their places.
    """
    times = [0.0] * len(kinds)
    names = [name.removeprefix("coreai.") for name, _ in calls]
    matcher = SequenceMatcher(a=list(kinds), b=names, autojunk=False)
    for _, first, end, begin, stop in matcher.get_opcodes():
        for i in range(begin, stop):
            at = min(first + i - begin, max(end - 1, first), len(kinds) - 1)
            times[at] += calls[i][1]
    return times
