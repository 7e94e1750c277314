"""One row for each layer of the float model: compared, or why not.

Errors of one layer, accumulated over chunks of windows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from edgeconv.core.layerwise import (
    PRE_ACTIVATION_SUFFIX,
    LayerInfo,
    LayerMatchStatus,
    LayerParity,
    QuantizedRange,
)
from edgeconv.core.parity_statistics import decibels
from edgeconv.ir.keras_call import LayerRole
from edgeconv.ir.keras_catalogue import role_of
from edgeconv.parity.layerwise.arrangement import dot
from edgeconv.parity.layerwise.matching import Match
from edgeconv.parity.layerwise.reference_points import CARRYING, CONTRACT, INPUT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass
class ErrorSums:
    """Running sums of the difference between two arrays.

    Values of the candidate that are not finite are counted and left out of every other figure.
    Values that are not finite in the reference itself do not count.
    """

    count: int = 0
    non_finite: int = 0
    signal: float = 0.0  # Σ reference²
    noise: float = 0.0  # Σ (reference − candidate)²
    energy: float = 0.0  # Σ candidate²
    product: float = 0.0  # Σ reference · candidate
    absolute: float = 0.0
    largest: float = 0.0
    reference_range: tuple[float, float] | None = None
    range: tuple[float, float] | None = None

    def add(self, reference: NDArray[Any], candidate: NDArray[Any]) -> None:
        """Add two arrays of one shape."""
        import numpy as np

        ref, can = reference.reshape(-1), candidate.reshape(-1)
        compared = np.isfinite(ref)
        good = compared & np.isfinite(can)
        self.count += int(compared.sum())
        self.non_finite += int(compared.sum() - good.sum())
        ref, can = ref[good].astype(np.float64), can[good].astype(np.float64)
        if not ref.size:
            return
        off = np.abs(ref - can)
        self.signal += dot(ref, ref)
        self.noise += dot(off, off)
        self.energy += dot(can, can)
        self.product += dot(ref, can)
        self.absolute += float(off.sum())
        self.largest = max(self.largest, float(off.max()))
        self.reference_range = _wider(self.reference_range, ref)
        self.range = _wider(self.range, can)

    @property
    def snr_db(self) -> float | None:
        """10 lg(Σ reference² / Σ difference²); None if no value is finite, and −200 if
        only some are, since nothing outweighs an infinity."""
        if self.non_finite == self.count:
            return None
        return decibels(self.signal, math.inf if self.non_finite else self.noise)

    def metrics(self) -> dict[str, float | None]:
        """`max_abs`, `mean_abs`, `rmse`, `snr_db`, `cosine` over all finite values."""
        n = self.count - self.non_finite
        lengths = math.sqrt(self.signal * self.energy)
        both_zero = self.signal == self.energy == 0
        return {
            "non_finite": self.non_finite,
            "max_abs": self.largest if n else None,
            "mean_abs": self.absolute / n if n else None,
            "rmse": math.sqrt(self.noise / n) if n else None,
            "snr_db": self.snr_db,
            "cosine": min(1.0, self.product / lengths) if lengths else float(both_zero),
        }


def _wider(known: tuple[float, float] | None, values: NDArray[Any]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if known is None else (min(low, known[0]), max(high, known[1]))


@dataclass
class OutputEffect:
    """What an error inside the network does to its output, (n, classes)."""

    error: ErrorSums = field(default_factory=ErrorSums)
    flips: int = 0

    def add(self, reference: NDArray[np.float32], output: NDArray[np.float32]) -> None:
        """Add the float model's output, and its output when it continues from the file's values."""
        self.error.add(reference, output)
        self.flips += int((reference.argmax(axis=1) != output.argmax(axis=1)).sum())

    def metrics(self) -> dict[str, float | None]:
        inner = self.error.metrics()
        return {
            "output_max_abs": inner["max_abs"],
            "output_rmse": inner["rmse"],
            "output_flips": self.flips,
        }


@dataclass
class LayerErrorStats:
    """All errors of one layer.

    Attributes:
        error: against the float model's value: the accumulated error.
        own_error: against what the float model computes from the file's values before it.
        in_range_error: as `own_error`, without values beyond the tensor's range; None for floats.
        effect: at the output.
    """

    error: ErrorSums = field(default_factory=ErrorSums)
    own_error: ErrorSums = field(default_factory=ErrorSums)
    in_range_error: ErrorSums | None = None
    effect: OutputEffect = field(default_factory=OutputEffect)

    def metrics(self) -> dict[str, float | None]:
        return {
            **self.error.metrics(),
            "own_snr_db": self.own_error.snr_db,
            "own_non_finite": self.own_error.non_finite,
            "own_within_db": self.own_error.snr_db
            if self.in_range_error is None
            else self.in_range_error.snr_db,
            **self.effect.metrics(),
        }


def layer_rows(
    layers: Sequence[LayerInfo],
    matches: Sequence[Match],
    errors: Mapping[str, LayerErrorStats],
    quantized: Mapping[str, QuantizedRange],
) -> tuple[LayerParity, ...]:
    """One row for each layer in computed order, and one more for a value before an activation.

    Args:
        layers: of the float model.
        matches: of its values with those of the file.
        errors: by the name of the match's point.
        quantized: the same, for integer tensors.
    """
    compared = {m.point.name: _compared(m, errors[m.point.name], layers, matches) for m in matches}
    for name, tensor_range in quantized.items():
        compared[name] = replace(compared[name], quantized=tensor_range)
    first = next((m for m in matches if m.point.layer == INPUT), None)
    table = [compared[first.point.name]] if first else []
    table += _contract(matches)
    for layer in layers:
        if layer.name + PRE_ACTIVATION_SUFFIX in compared:
            table.append(compared[layer.name + PRE_ACTIVATION_SUFFIX])
        if layer.name in compared:
            table.append(compared[layer.name])
        else:
            table.append(_missing(layer, layers, compared))
    return tuple(table)


def covered(name: str, layers: Sequence[LayerInfo], matched: frozenset[str]) -> tuple[str, ...]:
    """The layers between a value and the nearest compared ones before it, in computed order,
    without those that act in training only."""
    if name.endswith(PRE_ACTIVATION_SUFFIX):
        name = name.removesuffix(PRE_ACTIVATION_SUFFIX)
    elif name + PRE_ACTIVATION_SUFFIX in matched:
        return (name,)
    by_name = {layer.name: layer for layer in layers}
    between, waiting = set[str](), [name]
    while waiting:
        here = waiting.pop()
        if here in by_name and here not in between:
            between.add(here)
            waiting += [s for s in by_name[here].sources if s not in matched]
    return tuple(
        x.name
        for x in layers
        if x.name in between and role_of(x.kind) is not LayerRole.TRAINING_ONLY
    )


def _compared(
    match: Match, errors: LayerErrorStats, layers: Sequence[LayerInfo], matches: Sequence[Match]
) -> LayerParity:
    point, candidate = match.point, match.candidate
    matched = frozenset(m.point.name for m in matches)
    return LayerParity(
        layer=INPUT if point.layer == INPUT else point.name,
        kind=point.kind,
        presence=LayerMatchStatus.COMPARED,
        tensor=candidate.tensor,
        operation=candidate.operation,
        dtype=candidate.dtype,
        matched_by=match.means,
        similarity=match.similarity,
        note=_note(match),
        covers=covered(point.name, layers, matched),
        metrics=errors.metrics(),
        reference_range=errors.error.reference_range,
        range=errors.error.range,
    )


def _note(match: Match) -> str:
    notes = []
    if match.affine:
        notes.append(
            f"as it is before {_listed(match.affine.layers)}, which the file applies later"
        )
    if match.means == ("order",):
        notes.append("matched by order and shape only: neither name nor values confirm it")
    elif match.means == ("values",):
        notes.append("matched by its values; its name names no layer")
    return "; ".join(notes)


def _contract(matches: Sequence[Match]) -> list[LayerParity]:
    """A row for the sensor contract, if the file expects other readings than the model."""
    folded = any(CONTRACT in a.layers for m in matches for a in m.point.pending)
    if not folded:
        return []
    first = next(
        (
            m.point.layer
            for m in matches
            if m.point.layer != INPUT and (m.affine is None or CONTRACT not in m.affine.layers)
        ),
        "",
    )
    note = f"applied by the file in or before '{first}'" if first else "applied nowhere"
    return [LayerParity(CONTRACT, CONTRACT, LayerMatchStatus.FOLDED, note=note)]


def _missing(
    layer: LayerInfo, layers: Sequence[LayerInfo], compared: Mapping[str, LayerParity]
) -> LayerParity:
    presence, note = LayerMatchStatus.UNMATCHED, "no value of the file could be matched with it"
    fused_into = _fused_into(layer.name, layers, compared)
    role = role_of(layer.kind)
    if role is LayerRole.TRAINING_ONLY:
        presence, note = LayerMatchStatus.REMOVED, "acts in training only"
    elif role is LayerRole.AFFINE:
        presence, note = LayerMatchStatus.FOLDED, "its arithmetic is in a neighbor's weights"
    elif fused_into:
        note = f"the file shows it only after '{fused_into}'"
        presence = LayerMatchStatus.FUSED
    elif role is LayerRole.RESHAPE:
        presence, note = LayerMatchStatus.REMOVED, "the same numbers in another shape: no operation"
    return LayerParity(layer.name, layer.kind, presence, note=note)


def _fused_into(name: str, layers: Sequence[LayerInfo], compared: Mapping[str, LayerParity]) -> str:
    """The compared layer that this one was fused into, through affine layers and activations."""
    for other in layers:
        if name in other.sources and role_of(other.kind) in CARRYING:
            return (
                other.name if other.name in compared else _fused_into(other.name, layers, compared)
            )
    return ""


def _listed(names: Sequence[str]) -> str:
    return " and ".join(f"'{name}'" if name != CONTRACT else f"the {name}" for name in names)
