"""Operations that move, pick, repeat or surround numbers, and compute nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.node import Node, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class _Moving(Node):
    """What only moves numbers: a map of the input moves with them."""

    def move(self, x: Array) -> Array:
        """The output (n, *shape), of the input."""
        del x
        raise self.unsupported("cannot be evaluated in NumPy")

    def output_shape(self, *inputs: Shape) -> Shape:
        import numpy as np

        (shape,) = inputs
        return self.move(np.broadcast_to(np.zeros(()), (1, *shape))).shape[1:]

    def evaluate(self, *inputs: Array) -> Array:
        (x,) = inputs
        return self.move(x)

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return ()

    def pass_affines(self, affines: Sequence[AffineMap]) -> AffineMap | None:
        (affine,) = affines
        return AffineMap(self.move(affine.scale[None])[0], self.move(affine.offset[None])[0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Reshape(_Moving):
    """Another shape for the same numbers in the same order; flattening is one."""

    shape: Shape

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if math.prod(shape) != math.prod(self.shape):
            raise ValueError(f"node '{self.label}': {shape} cannot become {self.shape}")
        return self.shape

    def move(self, x: Array) -> Array:
        return x.reshape(-1, *self.shape)

    @property
    def is_identity(self) -> bool:
        return self.shape == self.inputs[0].shape


@dataclass(frozen=True, eq=False, kw_only=True)
class Transpose(_Moving):
    """The axes in another order: axis `order[i]` of the input becomes axis i."""

    order: Shape

    def move(self, x: Array) -> Array:
        return x.transpose(0, *(axis + 1 for axis in self.order))

    @property
    def is_identity(self) -> bool:
        return self.order == tuple(range(len(self.order)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Slice(_Moving):
    """Some positions of each axis, in order.

    Attributes:
        axes: first position, position behind the last one, and step, for each axis.
    """

    axes: tuple[tuple[int, int, int], ...]

    def move(self, x: Array) -> Array:
        return x[:, *(slice(*axis) for axis in self.axes)]


@dataclass(frozen=True, eq=False, kw_only=True)
class Repeat(_Moving):
    """Every position several times, one copy behind the other.

    Attributes:
        times: how often, for each axis.
    """

    times: Shape

    def move(self, x: Array) -> Array:
        import numpy as np

        for axis, times in enumerate(self.times, start=1):
            x = np.repeat(x, times, axis)
        return x


@dataclass(frozen=True, eq=False, kw_only=True)
class Pad(_Moving):
    """Zeros around the numbers: how many before and after them, for each axis."""

    widths: tuple[tuple[int, int], ...]

    def move(self, x: Array) -> Array:
        import numpy as np

        return np.pad(x, ((0, 0), *self.widths))

    def pass_affines(self, affines: Sequence[AffineMap]) -> AffineMap | None:
        """Zeros stay zeros without an offset."""
        (affine,) = affines
        if affine.offset.any():
            return None
        inside = self.move(affine.scale[None] * 0 + 1)[0]
        scale = self.move(affine.scale[None])[0]
        return AffineMap(scale + (1 - inside), scale * 0)


# --- Keras ------------------------------------------------------------------------------------


def read_reshape(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Reshape` and `Flatten`, and operations that give another shape."""
    if call.results:
        shape = call.results[0].shape
    else:
        total = math.prod(call.inputs[0].shape)
        target = tuple(int(d) for d in getattr(call.layer, "target_shape", (total,)))
        known = math.prod(d for d in target if d > 0)
        shape = tuple(d if d > 0 else total // known for d in target)
    return (Reshape(label=call.label, inputs=call.inputs, shape=shape),)


def read_permute(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Permute`, which counts axes from 1."""
    order = tuple(int(axis) - 1 for axis in call.layer.dims)
    return (Transpose(label=call.label, inputs=call.inputs, order=order),)


def read_padding(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `ZeroPadding1D` and `ZeroPadding2D`."""
    widths = (*_widths(call.layer.padding), (0, 0))
    return (Pad(label=call.label, inputs=call.inputs, widths=widths),)


def read_cropping(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Cropping1D` and `Cropping2D`."""
    widths = (*_widths(call.layer.cropping), (0, 0))
    sizes = zip(widths, call.inputs[0].shape, strict=True)
    axes = tuple((before, size - after, 1) for (before, after), size in sizes)
    return (Slice(label=call.label, inputs=call.inputs, axes=axes),)


def _widths(given: Any) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis; Keras gives one pair bare."""
    pairs = [given] if isinstance(given[0], int) else given
    return tuple((int(before), int(after)) for before, after in pairs)


def read_upsampling(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `UpSampling1D` and `UpSampling2D`, which repeat positions.

    Raises:
        Unsupported: interpolation between positions.
    """
    layer = call.layer
    if getattr(layer, "interpolation", "nearest") != "nearest":
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) interpolates: {layer.interpolation}",
            "use interpolation='nearest'",
        )
    size = (layer.size,) if isinstance(layer.size, int) else layer.size
    times = (*(int(n) for n in size), 1)
    return (Repeat(label=call.label, inputs=call.inputs, times=times),)


def read_repeat_vector(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `RepeatVector`: a time axis, and the vector at each of its steps."""
    (features,) = call.inputs[0].shape
    row = Reshape(label=f"{call.label}_row", inputs=call.inputs, shape=(1, features))
    times = (int(call.layer.n), 1)
    return row, Repeat(label=call.label, inputs=row.outputs, times=times)
