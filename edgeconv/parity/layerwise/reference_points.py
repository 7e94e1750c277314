"""The values of the float model that a file's values are compared with.

Among them are values before an affine operation that an exporter folds into a later layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeconv.core.affine import AffineMap
from edgeconv.core.layerwise import PRE_ACTIVATION_SUFFIX, LayerInfo
from edgeconv.ir.keras_call import LayerRole
from edgeconv.ir.keras_catalogue import role_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUT = "input"
CONTRACT = "sensor contract"
FOLDABLE = frozenset({LayerRole.AFFINE, LayerRole.RESHAPE, LayerRole.ACTIVATION})
"""Roles of layers of which a file often has no value."""
CARRYING = frozenset({LayerRole.AFFINE, LayerRole.ACTIVATION})
"""Roles of layers that may be fused with the layer before them."""
_EXACT = 1e-3  # a fitted affine operation may be off by this much of the value's spread


@dataclass(frozen=True, eq=False)
class PendingAffine:
    """An affine map of one sample's shape, and the layers that it combines."""

    map: AffineMap
    layers: tuple[str, ...]

    def then(self, after: PendingAffine) -> PendingAffine:
        """This one first, then the other."""
        return PendingAffine(self.map.then(after.map), (*self.layers, *after.layers))


@dataclass(frozen=True, eq=False)
class ReferencePoint:
    """One value of the float model.

    Attributes:
        name: of the value, `PRE_ACTIVATION_SUFFIX` at its end before a layer's activation.
        layer: that it belongs to.
        absorbed_by: layers this one may be fused with; their names may appear on its tensor.
        shape: of one sample.
        pending: affine operations that a file may apply only later.
        inner: the shape that a flat value was flattened from.
    """

    name: str
    layer: str
    kind: str
    shape: tuple[int, ...]
    absorbed_by: tuple[str, ...] = ()
    pending: tuple[PendingAffine, ...] = field(default=())
    output: bool = False
    inner: tuple[int, ...] = ()

    @property
    def owner(self) -> str:
        """The layer or input whose name its tensor may have."""
        return self.name if self.layer == INPUT else self.layer

    @property
    def before(self) -> bool:
        return self.name.endswith(PRE_ACTIVATION_SUFFIX)


def reference_points(
    layers: Sequence[LayerInfo],
    values: Mapping[str, NDArray[Any]],
    input_name: str,
    contract: PendingAffine | None,
    output: str,
) -> list[ReferencePoint]:
    """The values to look for, in computed order; without layers that act in training only.

    Args:
        values: of the float model by name, inputs included, (n, *shape).
        contract: from the file's input to the float model's; None if they are the same.
        output: name of the layer that makes the model's output.
    """
    by_name = {layer.name: layer for layer in layers}
    pending: dict[str, tuple[PendingAffine, ...]] = {input_name: (contract,) if contract else ()}
    absorbed_by: dict[str, tuple[str, ...]] = {}
    inner: dict[str, tuple[int, ...]] = {}
    listed = [
        ReferencePoint(
            input_name, INPUT, INPUT, values[input_name].shape[1:], (), pending[input_name]
        )
    ]
    for layer in layers:
        source = layer.sources[0] if len(layer.sources) == 1 else ""
        shape = values[layer.name].shape[1:]
        carried = tuple(
            moved for each in pending.get(source, ()) if (moved := _map_through(each, layer, shape))
        )
        pending[layer.name] = carried + _own(layer, source, values, pending.get(source, ()))
        if role_of(layer.kind) is LayerRole.TRAINING_ONLY:
            absorbed_by[layer.name], inner[layer.name] = (
                absorbed_by.get(source, ()),
                inner.get(source, ()),
            )
            continue
        if role_of(layer.kind) in CARRYING and source in by_name:
            absorbed_by[layer.name] = (*absorbed_by.get(source, ()), source)
        inner[layer.name] = _inner(layer, source, shape, values, inner)
        last = layer.name == output
        common = (layer.name, layer.kind, shape)
        if layer.name + PRE_ACTIVATION_SUFFIX in values:
            listed.append(ReferencePoint(layer.name + PRE_ACTIVATION_SUFFIX, *common))
        listed.append(
            ReferencePoint(
                layer.name,
                *common,
                absorbed_by.get(layer.name, ()),
                carried,
                last,
                inner[layer.name],
            )
        )
    return listed


def _inner(
    layer: LayerInfo,
    source: str,
    shape: tuple[int, ...],
    values: Mapping[str, NDArray[Any]],
    known: Mapping[str, tuple[int, ...]],
) -> tuple[int, ...]:
    if role_of(layer.kind) is LayerRole.RESHAPE and len(shape) == 1 and source in values:
        return tuple(values[source].shape[1:])
    return known.get(source, ()) if role_of(layer.kind) in CARRYING else ()


def _own(
    layer: LayerInfo,
    source: str,
    values: Mapping[str, NDArray[Any]],
    before: tuple[PendingAffine, ...],
) -> tuple[PendingAffine, ...]:
    """The part of this layer's arithmetic that a file may leave to later layers."""
    if role_of(layer.kind) is not LayerRole.AFFINE or source not in values:
        return ()
    fitted = fit(values[source], values[layer.name], layer.name)
    if fitted is None:
        return ()
    return (fitted, *(each.then(fitted) for each in before))


def fit(before: NDArray[Any], after: NDArray[Any], layer: str) -> PendingAffine | None:
    """The affine operation of each channel (last axis) between two values of the float model.

    None if there is none, or a scale is 0. A channel that never changes gets the
    scale 1.
    """
    import numpy as np

    x = before.reshape(-1, before.shape[-1]).astype(np.float64)
    y = after.reshape(-1, after.shape[-1]).astype(np.float64)
    if x.shape != y.shape:
        return None
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    spread = ((x - mean_x) ** 2).sum(axis=0)
    moving = spread > 0
    product = ((x - mean_x) * (y - mean_y)).sum(axis=0)
    scale = np.where(moving, product / np.where(moving, spread, 1), 1.0)
    offset = mean_y - scale * mean_x
    off = np.abs(x * scale + offset - y).max()
    if off > _EXACT * (float(np.ptp(y)) or 1.0) or (scale == 0).any():
        return None
    return PendingAffine(AffineMap(scale, offset).broadcast(before.shape[1:]), (layer,))


def _map_through(
    affine: PendingAffine, layer: LayerInfo, shape: tuple[int, ...]
) -> PendingAffine | None:
    """The same operation after `layer`, if the two commute."""
    role = role_of(layer.kind)
    if role is LayerRole.RESHAPE:
        return PendingAffine(affine.map.reshape(shape), affine.layers)
    if role is LayerRole.TRAINING_ONLY:
        return affine
    channels = affine.map.per_channel()
    if role not in (LayerRole.MAXIMUM, LayerRole.AVERAGE) or channels is None:
        return None
    if role is LayerRole.MAXIMUM and not (channels.scale > 0).all():
        return None
    return PendingAffine(channels.broadcast(shape), affine.layers)
