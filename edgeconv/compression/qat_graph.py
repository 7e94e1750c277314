"""A network's layers as the operations of its integer file: kernels with what is fused into them.

The points where a file rounds bear the names that `export` knows them by: that of the layer, or of
the relu that follows it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import InputConvention, Signal
from edgeconv.errors import Unsupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Affine = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Call:
    """A layer that rounds nothing inside; `point` is empty where its result is not rounded."""

    layer: Any
    point: str = ""
    trains: bool = False  # whether it acts in training only


@dataclass(frozen=True, eq=False)
class Kernel:
    """One operation with weights.

    Attributes:
        kind: conv, depthwise or dense.
        before: scale and offset of each input channel, to be multiplied in.
        norm: batch normalization of the result, to be multiplied in.
        ceiling: of a relu; 0: it has none, None: no relu.
    """

    layer: Any
    kind: str
    weights: Any
    bias: Any
    outputs: int
    point: str
    stride: int = 1
    dilation: int = 1
    padding: str = "valid"
    before: Affine | None = None
    norm: Any = None
    ceiling: float | None = None

    @property
    def output_axes(self) -> tuple[int, ...]:
        """Axes of the weights that count outputs."""
        return {"conv": (2,), "depthwise": (1, 2), "dense": (1,)}[self.kind]


Stage = Call | Kernel

_IN_TRAINING = (
    *("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D"),
    "ActivityRegularization",
)
_MOVES = ("Flatten", "Reshape")
_PICKS = ("AveragePooling1D", "GlobalMaxPooling1D", "MaxPooling1D")
_SKIPPED = ("Identity", "InputLayer")


def stages_of(network: Any, signal: Signal) -> tuple[Stage, ...]:
    """The operations in order, the sensor's unit multiplied into the first kernel.

    Raises:
        Unsupported: a layer outside the list, or a sensor's unit that cannot be multiplied in.
    """
    import numpy as np

    scale, offset = signal.for_sensor(InputConvention.NORMALIZED).affine()
    waiting: Affine | None = (np.tile(scale, signal.window), np.tile(offset, signal.window))
    stages: list[Stage] = []
    for layer in _layers(network):
        kind = type(layer).__name__
        made = _stages(layer, kind, stages)
        if waiting is not None and kind in _MOVES:
            shape = tuple(layer.output.shape[1:])
            waiting = (waiting[0].reshape(shape), waiting[1].reshape(shape))
        for stage in made:
            if waiting is not None and not _moves(stage):
                stage, waiting = _with_unit(stage, waiting, layer), None
            stages.append(stage)
    return tuple(stages)


def _layers(network: Any) -> list[Any]:
    found = []
    for layer in network.layers:
        found += _layers(layer) if getattr(layer, "layers", None) else [layer]
    return found


def _moves(stage: Stage) -> bool:
    return isinstance(stage, Call) and (stage.trains or type(stage.layer).__name__ in _MOVES)


def _stages(layer: Any, kind: str, before: list[Stage]) -> list[Stage]:
    """What a layer adds; one that an operation takes in changes the last of `before`."""
    if kind in _SKIPPED:
        return []
    if kind in _IN_TRAINING:
        return [Call(layer, trains=True)]
    if kind in (*_MOVES, *_PICKS):
        return [Call(layer)]
    if kind == "GlobalAveragePooling1D":
        return [Call(layer, layer.name)]
    if kind in _KERNELS:
        return _KERNELS[kind](layer)
    last = before[-1] if before else None
    if kind == "BatchNormalization" and isinstance(last, Kernel) and _is_linear(last):
        before[-1] = replace(last, norm=layer)
        return []
    function = _function(layer)
    if function == "softmax":
        return [Call(layer)]
    if function == "relu" and isinstance(last, Kernel) and last.ceiling is None:
        before[-1] = replace(last, ceiling=_ceiling(layer), point=layer.name)
        return []
    raise Unsupported(
        f"layer '{layer.name}' ({kind}) cannot be trained as its integers compute it",
        "use convolutions, dense layers and relu; or quantize after training (--quantize int8)",
    )


def _is_linear(stage: Kernel) -> bool:
    return stage.norm is None and stage.ceiling is None


def _function(layer: Any) -> str:
    kind = type(layer).__name__
    if kind == "Activation":
        return str(layer.activation.__name__)
    plain = kind == "ReLU" and not layer.negative_slope and not layer.threshold
    return "relu" if plain else kind.lower()


def _ceiling(layer: Any) -> float:
    return float(getattr(layer, "max_value", 0) or 0)


def _with_unit(stage: Stage, unit: Affine, layer: Any) -> Stage:
    """The first operation with the unit's scale and offset of each input channel."""
    scale, offset = unit
    if scale.ndim == 2:
        scale, offset = scale[0], offset[0]
    folds = isinstance(stage, Kernel) and (stage.padding == "valid" or not offset.any())
    if not isinstance(stage, Kernel) or not folds:
        raise Unsupported(
            f"layer '{layer.name}': the sensor's unit cannot be multiplied into it",
            "begin the network with a convolution with valid padding, or a dense layer",
        )
    return replace(stage, before=(scale, offset))


def _finish(stage: Kernel, layer: Any) -> list[Stage]:
    """The kernel with the activation that its layer names."""
    function = layer.activation.__name__
    if function == "linear":
        return [stage]
    if function == "relu":
        return [replace(stage, ceiling=0.0)]
    if function == "softmax":
        return [stage, Call(layer.activation)]
    raise Unsupported(
        f"layer '{layer.name}': activation {function} cannot be trained as its integers compute it",
        "use relu; or quantize after training (--quantize int8)",
    )


def _common(layer: Any) -> dict[str, Any]:
    return {
        "stride": int(layer.strides[0]),
        "dilation": int(layer.dilation_rate[0]),
        "padding": layer.padding,
    }


def _conv(layer: Any) -> list[Stage]:
    if layer.groups != 1:
        raise Unsupported(
            f"layer '{layer.name}' has {layer.groups} groups, which cannot be trained as integers",
            "use a separable convolution",
        )
    outputs = int(layer.kernel.shape[2])
    made = Kernel(layer, "conv", layer.kernel, layer.bias, outputs, layer.name, **_common(layer))
    return _finish(made, layer)


def _depthwise(layer: Any) -> list[Stage]:
    outputs = int(layer.kernel.shape[1] * layer.kernel.shape[2])
    weights = layer.kernel
    made = Kernel(layer, "depthwise", weights, layer.bias, outputs, layer.name, **_common(layer))
    return _finish(made, layer)


def _separable(layer: Any) -> list[Stage]:
    depthwise, pointwise = layer.depthwise_kernel, layer.pointwise_kernel
    middle, outputs = int(pointwise.shape[1]), int(pointwise.shape[2])
    name = f"{layer.name}_depthwise"
    first = Kernel(layer, "depthwise", depthwise, None, middle, name, **_common(layer))
    return [
        first,
        *_finish(Kernel(layer, "conv", pointwise, layer.bias, outputs, layer.name), layer),
    ]


def _dense(layer: Any) -> list[Stage]:
    outputs = int(layer.kernel.shape[1])
    return _finish(Kernel(layer, "dense", layer.kernel, layer.bias, outputs, layer.name), layer)


_KERNELS = {
    "Conv1D": _conv,
    "Dense": _dense,
    "DepthwiseConv1D": _depthwise,
    "SeparableConv1D": _separable,
}
