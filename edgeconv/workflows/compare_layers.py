"""Layer by layer for any two files: against Keras where that is the reference, else by values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edgeconv import bundle as bundles
from edgeconv.core import NULL_PROGRESS, SCHEMES, InputConvention, Inspectable, Progress
from edgeconv.core.layerwise import LayersResult
from edgeconv.datasets.calibration import calibration_windows
from edgeconv.errors import EdgeconvError, UsageError
from edgeconv.parity.layerwise.artifacts import SAMPLE, SEED, compare_one, not_compared
from edgeconv.parity.layerwise.comparison import between, chunks
from edgeconv.parity.layerwise.file_values import candidates
from edgeconv.parity.layerwise.match import Candidate, Match
from edgeconv.parity.layerwise.measure import Error
from edgeconv.parity.layerwise.pairwise import judge_files, match_files, rows_of
from edgeconv.parity.layerwise.points import Affine
from edgeconv.runtimes import inspectable, open_runner, unavailable
from edgeconv.runtimes.window_shapes import shaped_input
from edgeconv.workflows.steps.models_under_test import Side, runtimes_of, sides_of
from edgeconv.workflows.steps.sources import find_model, load_part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.runtimes.keras_runner import KerasRunner


def compare_inside(
    reference: Path,
    candidate: Path,
    data: str,
    part: str = "test",
    runtimes: Sequence[str] = ("auto",),
    sensors: Sequence[InputConvention] = (),
    unsafe: bool = False,
    progress: Progress = NULL_PROGRESS,
) -> tuple[LayersResult, ...]:
    """The values inside the second file against those of the first, one result a runtime.

    Against a `.keras` file each layer's own error is known, as in a bundle; against another file
    only the error that has gathered. What could not be matched is a row of its own.

    Raises:
        BadInput, UsageError: as `compare_files`; the second file is a Keras model.
    """
    reference, candidate = find_model(reference), find_model(candidate)
    if candidate.suffix == ".keras":
        raise UsageError(
            f"--layers looks inside {candidate.name} for another file's values",
            "name the Keras model first, and the file that was made of it second",
        )
    progress.stage(f"layers: {candidate.name} against {reference.name}")
    home = bundles.source_bundle(reference) or bundles.source_bundle(candidate)
    dataset, facts = load_part(data, part, progress, home)
    first, second = sides_of((reference, candidate), sensors, dataset, unsafe, progress)
    windows = calibration_windows(dataset, SAMPLE, SEED)
    sample = {**facts, "windows": len(windows), "seed": SEED, "reference": reference.name}
    return tuple(
        _one(first, second, runtime, windows, sample) for runtime in runtimes_of(second, runtimes)
    )


def _one(
    first: Side, second: Side, runtime: str, windows: NDArray[np.float32], sample: dict[str, Any]
) -> LayersResult:
    artifact = replace(second.artifact, signal=second.signal)
    own = runtimes_of(first, ())[0]
    reason = unavailable(first.path, own) or unavailable(second.path, runtime)
    if reason:
        return not_compared(artifact, runtime, reason, sample)
    with open_runner(first.path, own, **first.options) as opened:
        if first.path.suffix == ".keras":
            keras = cast("KerasRunner", opened)
            return compare_one(keras, first.signal, artifact, runtime, windows, sample)
        with open_runner(second.path, runtime) as runner:
            try:
                pair = inspectable(opened), inspectable(runner)
                return _pairwise(first, second, *pair, windows, sample)
            except EdgeconvError as error:
                return not_compared(artifact, runner.runtime, str(error), sample)


def _pairwise(
    first: Side,
    second: Side,
    reference: Inspectable,
    runner: Inspectable,
    windows: NDArray[np.float32],
    sample: dict[str, Any],
) -> LayersResult:
    sides = ((first, reference), (second, runner))
    ours, theirs = (candidates(side.path, opened.tensors) for side, opened in sides)
    matches: list[Match] = []
    errors: dict[str, Error] = {}
    for chunk in chunks(windows):
        before, after = (_values(side, opened, chunk) for side, opened in sides)
        if not errors:
            contracts = _contracts(first, second, ours)
            matches = match_files(ours, before, theirs, after, contracts)
            errors = {m.point.name: Error() for m in matches}
        for found in matches:
            expected = found.reference(before[found.point.name])
            shape = (len(expected), *found.point.shape)
            arranged = found.arranged(after[found.candidate.tensor])
            errors[found.point.name].add(expected.reshape(shape), arranged.reshape(shape))
    schemes = tuple(SCHEMES[s.artifact.target].get(s.artifact.scheme) for s, _ in sides)
    rows = rows_of(ours, theirs, matches, errors, (schemes[0], schemes[1]))
    outcome, text, suspects = judge_files(rows)
    unknown = not_compared(second.artifact, runner.runtime, text, sample)
    return replace(unknown, outcome=outcome, n=len(windows), layers=tuple(rows), suspects=suspects)


def _values(
    side: Side, runner: Inspectable, windows: NDArray[np.float32]
) -> dict[str, NDArray[Any]]:
    name, given = shaped_input(runner, side.signal.encode(windows), side.signal)
    return runner.intermediates({name: given})


def _contracts(first: Side, second: Side, values: Sequence[Candidate]) -> dict[str, Affine]:
    """For values that may still be the readings, time-major: as many numbers as a window has."""
    found = {}
    for c in values:
        if prod(c.shape) == first.signal.flat_size:
            affine = between(second.signal, first.signal, c.shape)
            if affine is not None:
                found[c.tensor] = affine
    return found
