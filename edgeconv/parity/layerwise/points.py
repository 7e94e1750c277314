"""What the float model has to compare with: its layers' values, also as they are before an affine
operation that an exporter folds into a later layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeconv.core.layerwise import BEFORE, LayerInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INPUT = "input"
CONTRACT = "sensor contract"
AFFINE = frozenset({"BatchNormalization", "Normalization", "Rescaling"})
IN_TRAINING_ONLY = frozenset(
    {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout", "GaussianNoise"}
    | {"AlphaDropout", "ActivityRegularization", "Identity"}
)
RESHAPING = frozenset({"Reshape", "Flatten"})
ACTIVATIONS = frozenset({"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"})
FOLDABLE = AFFINE | RESHAPING | ACTIVATIONS
"""Layers that a file often has no value of."""
_MAXIMA = frozenset({"MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"})
_MEANS = frozenset(
    {"AveragePooling1D", "AveragePooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D"}
)
_EXACT = 1e-3  # a fitted affine operation may be off by this much of the value's own spread


@dataclass(frozen=True, eq=False)
class Affine:
    """`value · scale + offset`, arrays of one sample's shape; `layers` are what it stands for."""

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    layers: tuple[str, ...]

    def apply(self, values: NDArray[Any]) -> NDArray[Any]:
        """A file's values (n, *shape) as the float model has them."""
        return values * self.scale + self.offset

    def undo(self, values: NDArray[Any]) -> NDArray[Any]:
        """The float model's values as a file has them that applies this operation later."""
        return (values - self.offset) / self.scale

    def then(self, other: Affine) -> Affine:
        """This one first, then the other."""
        return Affine(
            self.scale * other.scale,
            self.offset * other.scale + other.offset,
            (*self.layers, *other.layers),
        )


@dataclass(frozen=True, eq=False)
class Point:
    """One value of the float model.

    Attributes:
        name: of the value, `BEFORE` at its end before a layer's activation.
        layer: that it belongs to.
        heirs: layers whose names its tensor may bear, since they took this one in.
        shape: of one sample.
        pending: affine operations that a file may apply only later.
        inner: the shape that a flat value was flattened from.
    """

    name: str
    layer: str
    kind: str
    shape: tuple[int, ...]
    heirs: tuple[str, ...] = ()
    pending: tuple[Affine, ...] = field(default=())
    output: bool = False
    inner: tuple[int, ...] = ()

    @property
    def owner(self) -> str:
        """Whose name its tensor may bear."""
        return self.name if self.layer == INPUT else self.layer

    @property
    def before(self) -> bool:
        return self.name.endswith(BEFORE)


def points(
    layers: Sequence[LayerInfo],
    values: Mapping[str, NDArray[Any]],
    input_name: str,
    contract: Affine | None,
    output: str,
) -> list[Point]:
    """The values to look for, in computed order; layers that act in training only are none.

    Args:
        values: of the float model by name, inputs included, (n, *shape).
        contract: what the float model's input is of the file's; None where they are the same.
        output: name of the layer that makes the model's output.
    """
    by_name = {layer.name: layer for layer in layers}
    pending: dict[str, tuple[Affine, ...]] = {input_name: (contract,) if contract else ()}
    heirs: dict[str, tuple[str, ...]] = {}
    inner: dict[str, tuple[int, ...]] = {}
    found = [Point(input_name, INPUT, INPUT, values[input_name].shape[1:], (), pending[input_name])]
    for layer in layers:
        source = layer.sources[0] if len(layer.sources) == 1 else ""
        shape = values[layer.name].shape[1:]
        carried = tuple(
            moved for each in pending.get(source, ()) if (moved := _through(each, layer, shape))
        )
        pending[layer.name] = carried + _own(layer, source, values, pending.get(source, ()))
        if layer.kind in IN_TRAINING_ONLY:
            heirs[layer.name], inner[layer.name] = heirs.get(source, ()), inner.get(source, ())
            continue
        if layer.kind in AFFINE | ACTIVATIONS and source in by_name:
            heirs[layer.name] = (*heirs.get(source, ()), source)
        inner[layer.name] = _inner(layer, source, shape, values, inner)
        last = layer.name == output
        common = (layer.name, layer.kind, shape)
        if layer.name + BEFORE in values:
            found.append(Point(layer.name + BEFORE, *common))
        found.append(
            Point(layer.name, *common, heirs.get(layer.name, ()), carried, last, inner[layer.name])
        )
    return found


def _inner(
    layer: LayerInfo,
    source: str,
    shape: tuple[int, ...],
    values: Mapping[str, NDArray[Any]],
    known: Mapping[str, tuple[int, ...]],
) -> tuple[int, ...]:
    if layer.kind in RESHAPING and len(shape) == 1 and source in values:
        return tuple(values[source].shape[1:])
    return known.get(source, ()) if layer.kind in AFFINE | ACTIVATIONS else ()


def _own(
    layer: LayerInfo,
    source: str,
    values: Mapping[str, NDArray[Any]],
    before: tuple[Affine, ...],
) -> tuple[Affine, ...]:
    """What a file may leave to later layers of this one's own arithmetic."""
    if layer.kind not in AFFINE or source not in values:
        return ()
    fitted = fit(values[source], values[layer.name], layer.name)
    if fitted is None:
        return ()
    return (fitted, *(each.then(fitted) for each in before))


def fit(before: NDArray[Any], after: NDArray[Any], layer: str) -> Affine | None:
    """The affine operation of each channel (last axis) between two values of the float model.

    None where they are not related so, or a scale is 0. A channel that never changes gets the
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
    shape = before.shape[1:]
    return Affine(np.broadcast_to(scale, shape), np.broadcast_to(offset, shape), (layer,))


def _through(affine: Affine, layer: LayerInfo, shape: tuple[int, ...]) -> Affine | None:
    """The same operation after `layer`, where the two can change places."""
    import numpy as np

    if layer.kind in RESHAPING:
        return Affine(affine.scale.reshape(shape), affine.offset.reshape(shape), affine.layers)
    if layer.kind in IN_TRAINING_ONLY:
        return affine
    if layer.kind not in _MAXIMA | _MEANS:
        return None
    scale = affine.scale.reshape(-1, affine.scale.shape[-1])
    offset = affine.offset.reshape(-1, affine.offset.shape[-1])
    steady = (scale == scale[0]).all() and (offset == offset[0]).all()
    if not steady or (layer.kind in _MAXIMA and not (scale > 0).all()):
        return None
    return Affine(
        np.broadcast_to(scale[0], shape), np.broadcast_to(offset[0], shape), affine.layers
    )
