"""One artifact in one runtime beside the float model, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Artifact,
    Inspectable,
    LayerSample,
    Runner,
    Scheme,
    Signal,
)
from edgeconv.core.affine import AffineMap
from edgeconv.core.layerwise import LayersResult, RangeWarning
from edgeconv.errors import BadInput
from edgeconv.parity.layerwise import verdict
from edgeconv.parity.layerwise.file_values import candidates, shaped
from edgeconv.parity.layerwise.half_precision import half_precision
from edgeconv.parity.layerwise.match import Match, match
from edgeconv.parity.layerwise.measure import Error, Gathered
from edgeconv.parity.layerwise.points import CONTRACT, PendingAffine, points
from edgeconv.parity.layerwise.ranges import CodeUse, code_warnings
from edgeconv.parity.layerwise.refine import refine
from edgeconv.parity.layerwise.rows import rows
from edgeconv.targets.base import Target, find_target, scheme_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.runtimes.keras_runner import KerasRunner

CHUNK = 32
"""Windows whose values are in memory at once; the first of them also decide the matches."""


def chunks(windows: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """The windows, `CHUNK` at a time."""
    for start in range(0, len(windows), CHUNK):
        yield windows[start : start + CHUNK]


@dataclass
class Comparison:
    """One artifact in one runtime. The first chunk settles which value is which layer's."""

    keras: KerasRunner
    signal: Signal
    artifact: Artifact
    runner: Inspectable
    n: int = 0
    matches: list[Match] = field(default_factory=list)
    gathered: dict[str, Gathered] = field(default_factory=dict)
    codes: dict[str, CodeUse] = field(default_factory=dict)

    def add(self, windows: NDArray[np.float32]) -> None:
        """Errors of one chunk of canonical windows."""
        name = _only(self.keras)
        inputs = {name: shaped(self.keras.inputs, name, self.signal.encode(windows))}
        reference = {**inputs, **self.keras.intermediates(inputs)}
        own = _only(self.runner)
        given = {own: shaped(self.runner.inputs, own, self.artifact.signal.encode(windows))}
        wanted = [m.candidate.tensor for m in self.matches] or None
        values = self.runner.intermediates(given, wanted)
        if not self.n:
            self._settle(name, reference, values)
        self.n += len(windows)
        self._errors(reference, values)
        self._effects(name, reference, values)

    def _settle(
        self, name: str, reference: dict[str, NDArray[Any]], values: dict[str, NDArray[Any]]
    ) -> None:
        contract = between(self.artifact.signal, self.signal, reference[name].shape[1:])
        wanted = points(self.keras.layers, reference, name, contract, self.keras.ends[0])
        offered = candidates(self.artifact.path, self.runner.tensors)
        first = self._target.conversion.channels_first
        found = match(wanted, reference, offered, values, first)
        if not found:
            raise BadInput("no value of the file has the shape of a layer of the float model")
        start = {name: reference[name]}
        self.matches = refine(found, wanted, start, values, first, self.keras.replay)
        for each in self.matches:
            self.gathered[each.point.name] = Gathered()
            held = each.candidate
            if held.scale is not None and "int" in held.dtype:
                self.codes[each.point.name] = CodeUse(held.scale, held.zero_point or 0, held.dtype)

    def _errors(self, reference: dict[str, NDArray[Any]], values: dict[str, NDArray[Any]]) -> None:
        for found in self.matches:
            name = found.point.name
            expected = found.reference(reference[name])
            arranged = found.arranged(values[found.candidate.tensor])
            self.gathered[name].error.add(expected, arranged)
            if name in self.codes:
                self.codes[name].add(expected, arranged)

    def _effects(
        self, start: str, reference: dict[str, NDArray[Any]], values: dict[str, NDArray[Any]]
    ) -> None:
        """What each layer adds by itself, and what its error does to the output: Keras goes on
        with the file's own values. Where a layer adds nothing, the output is that of the one
        before."""
        import numpy as np

        end = self.keras.ends[0]
        known = {start: reference[start]}
        output: NDArray[Any] | None = None
        for found in self.matches:
            name = found.point.name
            restored = found.restored(values[found.candidate.tensor])
            expected = reference[name] if name == start else self.keras.replay(known, [name])[name]
            gathered = self.gathered[name]
            wanted = found.reference(expected)  # as the file should have it
            arranged = found.arranged(values[found.candidate.tensor])
            gathered.own.add(wanted, arranged)
            if name in self.codes:
                gathered.within = gathered.within or Error()
                gathered.within.add(self.codes[name].cut(wanted), arranged)
            if output is None or not np.array_equal(expected, restored):
                given = {start: reference[start], name: restored}
                output = self.keras.replay(given, [end])[end]
            gathered.effect.add(reference[end], output)
            known[name] = restored

    def result(
        self, runtime: str, windows: NDArray[np.float32], sample: LayerSample
    ) -> LayersResult:
        """All rows, the verdict and the warnings."""
        ranges = {name: use.result() for name, use in self.codes.items()}
        listed = rows(self.keras.layers, self.matches, self.gathered, ranges)
        found = verdict.judge(listed, self.keras.layers, self._scheme)
        warnings = [*code_warnings(listed), *self._half(windows)]
        return LayersResult(
            artifact=self.artifact.name,
            sha256=self.artifact.sha256,
            scheme=self.artifact.scheme,
            target=self.artifact.target,
            runtime=runtime,
            outcome=found.outcome,
            n=self.n,
            text=found.text,
            sample=sample,
            layers=found.rows,
            suspects=found.suspects,
            warnings=tuple(warnings),
        )

    @property
    def _scheme(self) -> Scheme | None:
        return scheme_in(self.artifact)

    @property
    def _target(self) -> Target:
        return find_target(self.artifact.target)

    def _half(self, windows: NDArray[np.float32]) -> list[RangeWarning]:
        if not self._target.computes_in_float16:
            return []
        owners = {m.candidate.tensor: m.point.layer for m in self.matches}
        return half_precision(self.artifact, owners, self.keras.layers, chunks(windows))


def _only(runner: Runner | KerasRunner) -> str:
    if len(runner.inputs) != 1:
        raise BadInput(f"the model has {len(runner.inputs)} inputs, a window model has one")
    return next(iter(runner.inputs))


def between(of_file: Signal, of_model: Signal, shape: tuple[int, ...]) -> PendingAffine | None:
    """The float model's input as an affine operation on the file's; None where they are equal."""
    import numpy as np

    per_step = of_file.affine_to(of_model)
    if per_step.is_identity:
        return None
    window = of_file.window
    tiled = AffineMap(np.tile(per_step.scale, window), np.tile(per_step.offset, window))
    return PendingAffine(tiled.reshape(shape), (CONTRACT,))
