"""Every layer of the float model gets a row: compared, or what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgeconv.core.layerwise import BEFORE, LayerInfo, LayerMatchStatus, LayerParity, QuantizedRange
from edgeconv.ir.keras_call import LayerRole
from edgeconv.ir.keras_catalogue import role_of
from edgeconv.parity.layerwise.match import Match
from edgeconv.parity.layerwise.measure import Gathered
from edgeconv.parity.layerwise.points import (
    CARRYING,
    CONTRACT,
    INPUT,
)


def rows(
    layers: Sequence[LayerInfo],
    matches: Sequence[Match],
    gathered: Mapping[str, Gathered],
    quantized: Mapping[str, QuantizedRange],
) -> tuple[LayerParity, ...]:
    """One row a layer in computed order, and one more for a value before an activation.

    Args:
        gathered, quantized: by the name of the match's point.
    """
    made = {m.point.name: _compared(m, gathered[m.point.name], layers, matches) for m in matches}
    for name, found in quantized.items():
        made[name] = _with_range(made[name], found)
    first = next((m for m in matches if m.point.layer == INPUT), None)
    listed = [made[first.point.name]] if first else []
    listed += _contract(matches)
    for layer in layers:
        if layer.name + BEFORE in made:
            listed.append(made[layer.name + BEFORE])
        if layer.name in made:
            listed.append(made[layer.name])
        else:
            listed.append(_missing(layer, layers, made))
    return tuple(listed)


def covered(name: str, layers: Sequence[LayerInfo], matched: frozenset[str]) -> tuple[str, ...]:
    """Layers between a value and the nearest compared ones before it, in computed order; those
    that act in training only left out."""
    if name.endswith(BEFORE):
        name = name.removesuffix(BEFORE)
    elif name + BEFORE in matched:
        return (name,)
    by_name = {layer.name: layer for layer in layers}
    found, waiting = set[str](), [name]
    while waiting:
        here = waiting.pop()
        if here in by_name and here not in found:
            found.add(here)
            waiting += [s for s in by_name[here].sources if s not in matched]
    return tuple(
        x.name for x in layers if x.name in found and role_of(x.kind) is not LayerRole.TRAINING_ONLY
    )


def _compared(
    match: Match, gathered: Gathered, layers: Sequence[LayerInfo], matches: Sequence[Match]
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
        metrics=gathered.metrics(),
        reference_range=gathered.error.reference_range,
        range=gathered.error.range,
    )


def _note(match: Match) -> str:
    said = []
    if match.affine:
        said.append(f"as it is before {_listed(match.affine.layers)}, which the file applies later")
    if match.means == ("order",):
        said.append("matched by order and shape alone: neither name nor values confirm it")
    elif match.means == ("values",):
        said.append("its name says nothing; the values do")
    return "; ".join(said)


def _with_range(row: LayerParity, found: QuantizedRange) -> LayerParity:
    from dataclasses import replace

    return replace(row, quantized=found)


def _contract(matches: Sequence[Match]) -> list[LayerParity]:
    """A row for the sensor contract, where the file takes other readings than the model."""
    held = any(CONTRACT in a.layers for m in matches for a in m.point.pending)
    if not held:
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
    layer: LayerInfo, layers: Sequence[LayerInfo], made: Mapping[str, LayerParity]
) -> LayerParity:
    presence, note = LayerMatchStatus.UNMATCHED, "no value of the file could be told to be its"
    taker = _taker(layer.name, layers, made)
    role = role_of(layer.kind)
    if role is LayerRole.TRAINING_ONLY:
        presence, note = LayerMatchStatus.REMOVED, "acts in training only"
    elif role is LayerRole.AFFINE:
        presence, note = LayerMatchStatus.FOLDED, "its arithmetic is in a neighbor's weights"
    elif taker:
        presence, note = LayerMatchStatus.FUSED, f"the file shows it only after '{taker}'"
    elif role is LayerRole.RESHAPE:
        presence, note = LayerMatchStatus.REMOVED, "the same numbers in another shape: no operation"
    return LayerParity(layer.name, layer.kind, presence, note=note)


def _taker(name: str, layers: Sequence[LayerInfo], made: Mapping[str, LayerParity]) -> str:
    """The compared layer that took this one in: behind it by affine layers and activations."""
    for other in layers:
        if name in other.sources and role_of(other.kind) in CARRYING:
            return other.name if other.name in made else _taker(other.name, layers, made)
    return ""


def _listed(names: Sequence[str]) -> str:
    return " and ".join(f"'{name}'" if name != CONTRACT else f"the {name}" for name in names)
