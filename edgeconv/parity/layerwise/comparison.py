"""Compare the layers of artifacts with those of their float model, on a sample of windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edgeconv.core import (
    Artifact,
    Bundle,
    Dataset,
    EvaluationData,
    Inspectable,
    LayerSample,
    Progress,
    Runner,
    Scheme,
    Signal,
)
from edgeconv.core.affine import AffineMap
from edgeconv.core.layerwise import LayersResult, LayerwiseVerdict, RangeWarning
from edgeconv.datasets.chosen_windows import calibration_windows
from edgeconv.errors import BadInput, EdgeconvError, MissingDependency, Unsupported
from edgeconv.parity.context import source_model
from edgeconv.parity.layerwise import layer_verdict
from edgeconv.parity.layerwise.file_values import candidates, shaped
from edgeconv.parity.layerwise.layer_rows import ErrorSums, LayerErrorStats, layer_rows
from edgeconv.parity.layerwise.matching import Match, match, refine
from edgeconv.parity.layerwise.ranges import CodeUse, code_warnings, float16_range_warnings
from edgeconv.parity.layerwise.reference_points import (
    CONTRACT,
    PendingAffine,
    reference_points,
)
from edgeconv.runtimes import inspectable, open_runner, unavailable
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
    """One artifact in one runtime. The first chunk decides which value is which layer's."""

    keras: KerasRunner
    signal: Signal
    artifact: Artifact
    runner: Inspectable
    n: int = 0
    matches: list[Match] = field(default_factory=list)
    errors: dict[str, LayerErrorStats] = field(default_factory=dict)
    codes: dict[str, CodeUse] = field(default_factory=dict)

    def add(self, windows: NDArray[np.float32]) -> None:
        """Errors of one chunk of canonical windows."""
        name = _only(self.keras)
        inputs = {name: shaped(self.keras.inputs, name, self.signal.encode(windows))}
        reference = {**inputs, **self.keras.intermediates(inputs)}
        input_name = _only(self.runner)
        given = {
            input_name: shaped(self.runner.inputs, input_name, self.artifact.signal.encode(windows))
        }
        names = [m.candidate.tensor for m in self.matches] or None
        values = self.runner.intermediates(given, names)
        if not self.n:
            self._match_values(name, reference, values)
        self.n += len(windows)
        self._errors(reference, values)
        self._effects(name, reference, values)

    def _match_values(
        self, name: str, reference: dict[str, NDArray[Any]], values: dict[str, NDArray[Any]]
    ) -> None:
        contract = between(self.artifact.signal, self.signal, reference[name].shape[1:])
        points = reference_points(self.keras.layers, reference, name, contract, self.keras.ends[0])
        stored = [
            each
            for each in candidates(self.artifact.path, self.runner.tensors)
            if each.tensor in values  # the others are a kernel's own
        ]
        first = self._target.conversion.channels_first
        matches = match(points, reference, stored, values, first)
        if not matches:
            raise BadInput(
                "no value of the file has the shape of a layer of the float model",
                "compare the outputs alone, without --layers",
            )
        start = {name: reference[name]}
        self.matches = refine(matches, points, start, values, first, self.keras.replay)
        for each in self.matches:
            self.errors[each.point.name] = LayerErrorStats()
            tensor = each.candidate
            if tensor.scale is not None and "int" in tensor.dtype:
                self.codes[each.point.name] = CodeUse(
                    tensor.scale, tensor.zero_point or 0, tensor.dtype
                )

    def _errors(self, reference: dict[str, NDArray[Any]], values: dict[str, NDArray[Any]]) -> None:
        for matched in self.matches:
            name = matched.point.name
            expected = matched.reference(reference[name])
            arranged = matched.arranged(values[matched.candidate.tensor])
            self.errors[name].error.add(expected, arranged)
            if name in self.codes:
                self.codes[name].add(expected, arranged)

    def _effects(
        self, start: str, reference: dict[str, NDArray[Any]], values: dict[str, NDArray[Any]]
    ) -> None:
        """The error that each layer itself adds, and its effect on the output.

        Keras continues from the file's values. If a layer adds nothing, the output is that of the
        one before.
        """
        import numpy as np

        end = self.keras.ends[0]
        known = {start: reference[start]}
        output: NDArray[Any] | None = None
        for matched in self.matches:
            name = matched.point.name
            restored = matched.restored(values[matched.candidate.tensor])
            expected = reference[name] if name == start else self.keras.replay(known, [name])[name]
            errors = self.errors[name]
            target = matched.reference(expected)  # as the file should have it
            arranged = matched.arranged(values[matched.candidate.tensor])
            errors.own_error.add(target, arranged)
            if name in self.codes:
                errors.in_range_error = errors.in_range_error or ErrorSums()
                errors.in_range_error.add(self.codes[name].clip(target), arranged)
            if output is None or not np.array_equal(expected, restored):
                given = {start: reference[start], name: restored}
                output = self.keras.replay(given, [end])[end]
            errors.effect.add(reference[end], output)
            known[name] = restored

    def result(
        self, runtime: str, windows: NDArray[np.float32], sample: LayerSample
    ) -> LayersResult:
        """All rows, the verdict and the warnings."""
        ranges = {name: use.result() for name, use in self.codes.items()}
        table = layer_rows(self.keras.layers, self.matches, self.errors, ranges)
        verdict = layer_verdict.judge(table, self.keras.layers, self._scheme)
        warnings = [*code_warnings(table), *self._float16_warnings(windows)]
        return LayersResult(
            artifact=self.artifact.name,
            sha256=self.artifact.sha256,
            scheme=self.artifact.scheme,
            target=self.artifact.target,
            runtime=runtime,
            outcome=verdict.outcome,
            n=self.n,
            text=verdict.text,
            sample=sample,
            layers=verdict.rows,
            suspects=verdict.suspects,
            warnings=tuple(warnings),
        )

    @property
    def _scheme(self) -> Scheme | None:
        return scheme_in(self.artifact)

    @property
    def _target(self) -> Target:
        return find_target(self.artifact.target)

    def _float16_warnings(self, windows: NDArray[np.float32]) -> list[RangeWarning]:
        if not self._target.computes_in_float16:
            return []
        owners = {m.candidate.tensor: m.point.layer for m in self.matches}
        return float16_range_warnings(self.artifact, owners, self.keras.layers, chunks(windows))


def _only(runner: Runner | KerasRunner) -> str:
    if len(runner.inputs) != 1:
        raise BadInput(
            f"the model has {len(runner.inputs)} inputs, a window model has one",
            "compare its outputs, without --layers",
        )
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


SAMPLE = 256
"""Windows, spread over classes and subjects; seeded, so that the same data give the same sample."""
SEED = 0


def compare_layers(
    bundle: Bundle,
    dataset: Dataset,
    data: EvaluationData,
    pairs: Sequence[tuple[Artifact, str]],
    progress: Progress,
) -> tuple[LayersResult, ...]:
    """One result for each pair of artifact and runtime; what could not be compared is `not_run`.

    A retrained artifact is compared with the compressed network that it was exported from.

    Raises:
        BadInput: a file or the model is damaged, or there are no windows.
    """
    windows = calibration_windows(dataset, SAMPLE, SEED)
    sample = LayerSample(data, len(windows), SEED)
    progress.stage(f"layers: {len(windows)} windows")
    results = []
    opened: dict[Path, KerasRunner] = {}
    with ExitStack() as stack:
        for done, (artifact, runtime) in enumerate(pairs, 1):
            path = source_model(bundle, artifact)
            try:
                if path not in opened:
                    runner = stack.enter_context(open_runner(path))
                    opened[path] = cast("KerasRunner", runner)
            except MissingDependency as error:
                reason = f"the float model cannot be run: {error}"
                return tuple(not_compared(a, r, reason, sample) for a, r in pairs)
            try:
                result = compare_one(
                    opened[path], bundle.model.signal, artifact, runtime, windows, sample
                )
            except Unsupported as error:
                result = not_compared(artifact, runtime, str(error), sample)
            results.append(result)
            progress.update(done, len(pairs), f"{artifact.name}: {result.outcome}")
    return tuple(results)


def compare_one(
    keras: KerasRunner,
    signal: Signal,
    artifact: Artifact,
    runtime: str,
    windows: NDArray[np.float32],
    sample: LayerSample,
) -> LayersResult:
    """One artifact in one runtime against an opened Keras model of contract `signal`."""
    reason = unavailable(artifact.path, runtime)
    if reason:
        return not_compared(artifact, runtime, reason, sample)
    with open_runner(artifact.path, runtime) as runner:
        try:
            comparison = Comparison(keras, signal, artifact, inspectable(runner))
            for chunk in chunks(windows):
                comparison.add(chunk)
            return comparison.result(runner.runtime, windows, sample)
        except EdgeconvError as error:
            return not_compared(artifact, runner.runtime, str(error), sample)


def not_compared(
    artifact: Artifact, runtime: str, reason: str, sample: LayerSample
) -> LayersResult:
    """The result for an artifact whose layers could not be compared."""
    return LayersResult(
        artifact=artifact.name,
        sha256=artifact.sha256,
        scheme=artifact.scheme,
        target=str(artifact.target),
        runtime=runtime,
        outcome=LayerwiseVerdict.NOT_RUN,
        n=0,
        text=reason,
        sample=sample,
    )
