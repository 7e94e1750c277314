"""Compare the values inside two files neither of which is a Keras model.

A layer of one file cannot be computed from the other file's values, so only the error that has
accumulated is known, not what each layer adds. Independent rounding of k values adds up to k times
the noise of one: the limit of a value is what the coarser of the two number formats explains of one
layer, less 10 lg k dB.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Artifact,
    Inspectable,
    LayerSample,
    Scheme,
    Signal,
)
from edgeconv.core.layerwise import LayerMatchStatus, LayerParity, LayersResult, LayerwiseVerdict
from edgeconv.parity.layerwise.comparison import between, chunks, not_compared
from edgeconv.parity.layerwise.file_values import candidates
from edgeconv.parity.layerwise.layer_rows import ErrorSums
from edgeconv.parity.layerwise.layer_verdict import floor_of
from edgeconv.parity.layerwise.matching import (
    Candidate,
    Match,
    align,
    converter_name,
    layer_scores,
    name_parts,
    pair,
)
from edgeconv.parity.layerwise.reference_points import PendingAffine, ReferencePoint
from edgeconv.runtimes.window_shapes import shaped_input
from edgeconv.targets.base import scheme_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class OpenFile:
    """A model file with a runner that shows its values, and what its input means."""

    artifact: Artifact
    signal: Signal
    runner: Inspectable

    def values(self, windows: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Its values for canonical windows, by tensor."""
        encoded = self.signal.encode(windows)
        name, shaped = shaped_input(self.runner, encoded, self.signal)
        return self.runner.intermediates({name: shaped})

    @property
    def scheme(self) -> Scheme | None:
        return scheme_in(self.artifact)


def compare_pairwise(
    reference: OpenFile,
    candidate: OpenFile,
    windows: NDArray[np.float32],
    sample: LayerSample,
) -> LayersResult:
    """The values inside one file against those inside another, on canonical windows.

    Args:
        reference: the file with the correct values.
        candidate: the file to compare.
        windows: (n, values) in m/s².
        sample: the description of the windows in the result.
    """
    reference_tensors = candidates(reference.artifact.path, reference.runner.tensors)
    candidate_tensors = candidates(candidate.artifact.path, candidate.runner.tensors)
    matches: list[Match] = []
    errors: dict[str, ErrorSums] = {}
    hidden: set[str] = set()
    for chunk in chunks(windows):
        expected, values = reference.values(chunk), candidate.values(chunk)
        if not errors:
            hidden = _hidden(reference_tensors, expected) | _hidden(candidate_tensors, values)
            reference_tensors = [c for c in reference_tensors if c.tensor in expected]
            candidate_tensors = [c for c in candidate_tensors if c.tensor in values]
            contracts = _contracts(reference.signal, candidate.signal, reference_tensors)
            matches = match_files(reference_tensors, expected, candidate_tensors, values, contracts)
            errors = {m.point.name: ErrorSums() for m in matches}
        for match in matches:
            reference_value = match.reference(expected[match.point.name])
            shape = (len(reference_value), *match.point.shape)
            candidate_value = match.arranged(values[match.candidate.tensor])
            errors[match.point.name].add(
                reference_value.reshape(shape), candidate_value.reshape(shape)
            )
    rows = pairwise_rows(
        reference_tensors, candidate_tensors, matches, errors, (reference.scheme, candidate.scheme)
    )
    outcome, text, suspects = judge_files(rows)
    if hidden:
        text += f"; left out, since a kernel keeps them to itself: {', '.join(sorted(hidden))}"
    return replace(
        not_compared(candidate.artifact, candidate.runner.runtime, text, sample),
        outcome=outcome,
        n=len(windows),
        layers=tuple(rows),
        suspects=suspects,
    )


def _hidden(tensors: Sequence[Candidate], values: Mapping[str, NDArray[Any]]) -> set[str]:
    """Names of values that the runtime does not show, such as the states of a fused LSTM."""
    return {c.tensor for c in tensors if c.tensor not in values}


def _contracts(
    reference: Signal, candidate: Signal, values: Sequence[Candidate]
) -> dict[str, PendingAffine]:
    """For values that may still be the readings, time-major: as many numbers as a window has."""
    contracts = {}
    for value in values:
        if math.prod(value.shape) == reference.flat_size:
            affine = between(candidate, reference, value.shape)
            if affine is not None:
                contracts[value.tensor] = affine
    return contracts


def match_files(
    reference: Sequence[Candidate],
    reference_values: Mapping[str, NDArray[Any]],
    candidate: Sequence[Candidate],
    values: Mapping[str, NDArray[Any]],
    contracts: Mapping[str, PendingAffine],
) -> list[Match]:
    """The best pairing that keeps both orders.

    Args:
        reference: values of the reference, in computed order.
        reference_values: by tensor name, (n, *shape), real numbers.
        candidate: values of the other file, in computed order.
        values: as `reference_values`.
        contracts: by reference tensor, from the other file's value to it, where both are still the
            readings as each sensor contract describes them.
    """
    points = [
        ReferencePoint(
            name=c.tensor,
            layer=c.tensor,
            kind=c.operation,
            shape=c.shape,
            pending=(contracts[c.tensor],) if c.tensor in contracts else (),
            output=c.output,
            inner=_inner(reference[:i], c),
        )
        for i, c in enumerate(reference)
    ]
    table: dict[tuple[int, int], tuple[float, Match]] = {}
    for j, other in enumerate(candidate):
        scores = _name_scores(reference, other)
        for i, point in enumerate(points):
            scored = pair(
                point, reference_values[point.name], other, values[other.tensor], scores, False
            )
            if scored is not None:
                table[i, j] = scored
    return align(len(points), len(candidate), table)


def _inner(before: Sequence[Candidate], flat: Candidate) -> tuple[int, ...]:
    """The shape that a flat value was flattened from: the two files may use different orders."""
    if sum(d != 1 for d in flat.shape) > 1:
        return ()
    shapes = (tuple(d for d in c.shape if d != 1) for c in reversed(before))
    fitting = (s for s in shapes if len(s) > 1 and math.prod(s) == math.prod(flat.shape))
    return next(fitting, ())


def _name_scores(reference: Sequence[Candidate], other: Candidate) -> dict[str, float]:
    """Reference tensor → how much the other's names suggest it."""
    tensors = {
        converter_name(word): c.tensor
        for c in reversed(reference)
        for n in c.names
        for word in name_parts(n)
    }
    scores: dict[str, float] = {}
    for word, score in layer_scores(other.names, list(tensors)).items():
        scores[tensors[word]] = max(score, scores.get(tensors[word], 0.0))
    return scores


def pairwise_rows(
    reference: Sequence[Candidate],
    candidate: Sequence[Candidate],
    matches: Sequence[Match],
    errors: Mapping[str, ErrorSums],
    schemes: tuple[Scheme | None, Scheme | None],
) -> list[LayerParity]:
    """A row for each value of the reference in order, then those that only the other file has."""
    floors = [floor_of(scheme) for scheme in schemes if scheme is not None]
    by_name = {m.point.name: m for m in matches}
    rows: list[LayerParity] = []
    for c in reference:
        title = c.tensor.partition(";")[0]
        matched = by_name.get(c.tensor)
        if matched is None:
            note = "no value of the second file could be matched with it"
            rows.append(LayerParity(title, c.operation, LayerMatchStatus.UNMATCHED, note=note))
            continue
        error = errors[c.tensor]
        number = 1 + sum(bool(row.metrics) for row in rows)
        limit = min(floors) - 10 * math.log10(number) if len(floors) == len(schemes) else None
        rows.append(_row(title, matched, error, limit))
    taken = {m.candidate.tensor for m in matches}
    note = "only the second file has it"
    rows += [
        LayerParity(c.tensor, c.operation, LayerMatchStatus.UNMATCHED, tensor=c.tensor, note=note)
        for c in candidate
        if c.tensor not in taken
    ]
    return rows


def _row(title: str, match: Match, error: ErrorSums, limit: float | None) -> LayerParity:
    unknown: dict[str, float | None] = dict.fromkeys(
        ("own_snr_db", "own_non_finite", "own_within_db", "output_flips")
    )
    note = ""
    if match.means == ("order",):
        note = "matched by order and shape only: neither name nor values confirm it"
    return LayerParity(
        layer=title,
        kind=match.point.kind,
        presence=LayerMatchStatus.COMPARED,
        tensor=match.candidate.tensor,
        operation=match.candidate.operation,
        dtype=match.candidate.dtype,
        matched_by=match.means,
        similarity=match.similarity,
        note=note,
        metrics={**error.metrics(), **unknown, "own_limit_db": limit},
        reference_range=error.reference_range,
        range=error.range,
    )


def judge_files(rows: Sequence[LayerParity]) -> tuple[LayerwiseVerdict, str, tuple[str, ...]]:
    """(outcome, sentence, suspects): where two files differ by more than their formats explain."""
    compared = [row for row in rows if row.metrics]
    left = len(rows) - len(compared)
    rest = f"; {left} more have no counterpart" if left else ""
    before: float | None = None
    for row in compared:
        snr, limit = row.metrics["snr_db"], row.metrics["own_limit_db"]
        if limit is not None and (snr is None or snr < limit):
            here = "NaN or infinity" if snr is None else f"{snr:.0f} dB"
            so_far = "" if before is None else f", {before:.0f} dB before it"
            text = (
                f"the two files differ from '{row.layer}': {here}{so_far}; their number formats "
                f"explain {limit:.0f} or more{rest}"
            )
            return LayerwiseVerdict.SUSPECT, text, (row.layer,)
        before = snr
    if not compared:
        return LayerwiseVerdict.NOT_RUN, f"no value of the two files could be matched{rest}", ()
    least = min(compared, key=lambda row: row.metrics["snr_db"] or 0.0)
    text = (
        f"{len(compared)} values agree within their number formats; the lowest SNR is at "
        f"'{least.layer}', {least.metrics['snr_db'] or 0.0:.0f} dB{rest}"
    )
    return LayerwiseVerdict.CLEAR, text, ()
