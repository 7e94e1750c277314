"""What each layer of a Keras model costs, and how much of the input one of its outputs sees.

Works on Keras' own layers, not on the graph: a layer that no target can hold yet is counted too.
Multiply-accumulates are those of convolutions, matrix products, recurrent steps and attention;
additions, activations and pooling count as none, as usual in the field.

The receptive field follows Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural
Networks", Distill 2019: a window of k steps at a stride s of the input adds (k − 1)·s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeconv.core import Signal
from edgeconv.ir.keras_reader import check_built, model_calls

Dimensions = tuple[int | None, ...]
"""Of one sample, without the batch axis; None where the model leaves a length open."""


@dataclass(frozen=True)
class Reach:
    """How much of the input one position of a value depends on, along each ordered axis.

    Time is the only ordered axis of a sequence; an image has two.

    Attributes:
        field: input steps, at most; at the ends of the input it is less.
        stride: input steps between neighbors; empty where the value has no such axis left.
        length: steps of the input.
        slack: what a later window may see more, because upsampled positions share input steps.
    """

    field: tuple[float, ...]
    stride: tuple[float, ...]
    length: Dimensions
    slack: tuple[float, ...] = ()

    @property
    def steps(self) -> tuple[float, ...]:
        """The field in whole steps; infinite where the input has no fixed length."""
        return tuple(n if math.isinf(n) else math.floor(n) for n in self.field)

    def slide(self, sizes: Sequence[int], steps: Sequence[int]) -> Reach:
        """After a window of `sizes` that moves by `steps` at a time."""
        if not self.stride:
            return self
        axes = range(len(self.stride))
        slack = [self.slack[i] if self.slack and sizes[i] > 1 else 0.0 for i in axes]
        field = tuple(self.field[i] + slack[i] + (sizes[i] - 1) * self.stride[i] for i in axes)
        stride = tuple(self.stride[i] * steps[i] for i in axes)
        rest = () if any(slack) else self.slack
        return replace(self, field=self._limited(field), stride=stride, slack=rest)

    def spread(self, sizes: Sequence[int], steps: Sequence[int]) -> Reach:
        """After a transposed convolution; an upsampling is one whose size is its step."""
        if not self.stride:
            return self
        axes = range(len(self.stride))
        met = [-(-sizes[i] // steps[i]) for i in axes]  # inputs that one output is made of, at most
        slack = tuple(((sizes[i] - 1) / steps[i] - met[i] + 1) * self.stride[i] for i in axes)
        finer = tuple(self.stride[i] / steps[i] for i in axes)
        return replace(self.slide(met, [1] * len(met)), stride=finer, slack=slack)

    def gather(self, shape: Dimensions, keep: bool = False) -> Reach:
        """Where every position of a value of `shape` is joined; `keep` keeps its axes."""
        sizes = [1 if n is None else n for n in shape]
        field = self.slide(sizes, [1] * len(sizes)).field
        field = tuple(
            math.inf if n is None and self.stride else f for f, n in zip(field, shape, strict=False)
        )
        return replace(self, field=field, stride=self.stride if keep else (), slack=())

    def _limited(self, field: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(f if n is None else min(f, n) for f, n in zip(field, self.length, strict=True))


@dataclass(frozen=True)
class LayerCost:
    """One call of a layer.

    Attributes:
        name: of the layer; a later call of the same layer has a number behind it.
        kind: its class.
        output_shape: of the first output of one sample.
        parameters: weights of the layer; 0 at its later calls, which share them.
        macs: multiply-accumulates for one sample; None where they are not known.
        reach: None where the layer is not known.
    """

    name: str
    kind: str
    output_shape: Dimensions
    parameters: int
    macs: int | None
    reach: Reach | None


def layer_costs(model: Any, signal: Signal | None = None) -> tuple[LayerCost, ...]:
    """Each call of a layer in computed order; nested models are opened.

    Args:
        model: a built Keras model.
        signal: the sensor contract, which says how many steps a flat input vector holds.

    Raises:
        Unsupported: the model is no graph of layers.
    """
    walk = _Walk()
    walk.visit(model, [_input_reach(shape_of(t), signal) for t in model.inputs])
    return tuple(walk.rows)


def shape_of(tensor: Any) -> Dimensions:
    """Shape of one sample of a Keras tensor."""
    return tuple(None if d is None else int(d) for d in tensor.shape[1:])


def _input_reach(shape: Dimensions, signal: Signal | None) -> Reach:
    length = shape[:-1] or (None,)  # of a vector, the layer that reads it says what its steps are
    if signal is not None and shape == (signal.flat_size,):
        length = (signal.window,)
    return Reach((1.0,) * len(length), (1.0,) * len(length), length)


class _Walk:
    """Collects the rows of a model and of the models in it."""

    def __init__(self) -> None:
        self.rows: list[LayerCost] = []
        self._calls: dict[str, int] = {}
        self._counted: set[int] = set()

    def visit(self, model: Any, inputs: Sequence[Reach | None]) -> list[Reach | None]:
        check_built(model)
        known = {id(t): reach for t, reach in zip(model.inputs, inputs, strict=True)}
        for operation, call in model_calls(model, known):
            sources = [known[id(t)] for t in call.input_tensors]
            if hasattr(operation, "inputs"):
                results = self.visit(operation, sources)
            else:
                results = [self._row(operation, call, sources)] * len(call.outputs)
            known |= {id(t): reach for t, reach in zip(call.outputs, results, strict=True)}
        return [known[id(t)] for t in model.outputs]

    def _row(self, layer: Any, call: Any, sources: list[Reach | None]) -> Reach | None:
        name, kind = str(layer.name), type(layer).__name__
        count = self._calls.get(name, 0)
        self._calls[name] = count + 1
        shapes = [shape_of(t) for t in call.input_tensors]
        reach = _reach(layer, kind, list(zip(shapes, sources, strict=True)), call)
        self.rows.append(
            LayerCost(
                name=f"{name}#{count}" if count else name,
                kind=kind,
                output_shape=shape_of(call.outputs[0]),
                parameters=self._parameters(layer),
                macs=macs(layer, shapes, shape_of(call.outputs[0])),
                reach=reach,
            )
        )
        return reach

    def _parameters(self, layer: Any) -> int:
        total = 0
        for weight in getattr(layer, "weights", ()):
            if id(weight) not in self._counted:
                self._counted.add(id(weight))
                total += _size(weight)
        return total


# ---- multiply-accumulates --------------------------------------------------------------------
def macs(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int | None:
    """Multiply-accumulates of one call for one sample.

    None where a length is open, or where the layer holds matrices and has no rule here.
    """
    kind = type(layer).__name__
    rule = _MACS.get(kind)
    if rule is not None:
        fixed = all(d is not None for shape in (*inputs, output) for d in shape)
        return rule(layer, inputs, output) if fixed else None
    if kind in _WITHOUT_PRODUCTS:
        return 0
    matrices = any(len(w.shape) > 1 for w in getattr(layer, "weights", ()))
    return None if matrices or kind in _UNKNOWN or not _is_of_keras(layer) else 0


def _is_of_keras(layer: Any) -> bool:
    return type(layer).__module__.partition(".")[0] == "keras"


def _size(weight: Any) -> int:
    return math.prod(int(d) for d in weight.shape)


def _positions(shape: Dimensions) -> int:
    """Positions of a value: all its axes but the channels."""
    return math.prod(d or 0 for d in shape[:-1])


def _convolution(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int:
    del inputs
    separable = ("depthwise_kernel", "pointwise_kernel")
    names = ("kernel",) if hasattr(layer, "kernel") else separable
    return _positions(output) * sum(_size(getattr(layer, name)) for name in names)


def _transposed(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int:
    del output
    return _positions(inputs[0]) * _size(layer.kernel)


def _dense(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int:
    del inputs
    return _positions(output) * _size(layer.kernel)


def _einsum(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int:
    del inputs
    operands, _, result = layer.equation.partition("->")
    kernel = zip(operands.partition(",")[2].strip(), layer.kernel.shape, strict=True)
    contracted = math.prod(int(n) for letter, n in kernel if letter not in result)
    return math.prod(d or 0 for d in output) * contracted


def _recurrent(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int:
    del output
    cell = layer.cell
    return _positions(inputs[0]) * (_size(cell.kernel) + _size(cell.recurrent_kernel))


def _bidirectional(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int:
    both = (macs(each, inputs, output) for each in (layer.forward_layer, layer.backward_layer))
    return sum(n or 0 for n in both)


def _time_distributed(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int:
    steps, *rest = inputs[0]
    return (steps or 0) * (macs(layer.layer, [tuple(rest)], output[1:]) or 0)


def _attention(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int:
    del output
    query, value = inputs[0], inputs[1] if len(inputs) > 1 else inputs[0]
    key = inputs[2] if len(inputs) > 2 else value
    axes = _attention_axes(layer) or range(1, len(value))
    attended = math.prod(value[axis - 1] or 0 for axis in axes)
    products = _positions(query) * attended * int(layer.num_heads)
    return (
        _positions(query) * (_size(layer.query_dense.kernel) + _size(layer.output_dense.kernel))
        + _positions(key) * _size(layer.key_dense.kernel)
        + _positions(value) * _size(layer.value_dense.kernel)
        + products * (int(layer.key_dim) + int(layer.value_dim))
    )


def _attention_axes(layer: Any) -> tuple[int, ...]:
    """The axes, the batch being 0, between whose positions a layer attends; empty: all."""
    return tuple(getattr(layer, "_attention_axes", None) or ())


def _dot_attention(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int:
    del layer
    query, value = inputs[0], inputs[1]
    features = (query[-1] or 0) + (output[-1] or 0)
    return _positions(query) * _positions(value) * features


def _matrix_product(layer: Any, inputs: Sequence[Dimensions], output: Dimensions) -> int:
    axes = getattr(layer, "axes", -1)
    axis = axes if isinstance(axes, int) else axes[0]
    contracted = inputs[0][axis if axis < 0 else axis - 1] or 0
    return math.prod(d or 0 for d in output) * contracted


_Rule = Callable[[Any, Sequence[Dimensions], Dimensions], int]
_SPATIAL = ("1D", "2D", "3D")
_MACS: Mapping[str, _Rule] = {
    **{f"Conv{n}": _convolution for n in _SPATIAL},
    **{f"DepthwiseConv{n}": _convolution for n in _SPATIAL},
    **{f"SeparableConv{n}": _convolution for n in _SPATIAL},
    **{f"Conv{n}Transpose": _transposed for n in _SPATIAL},
    "Dense": _dense,
    "EinsumDense": _einsum,
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), _recurrent),
    "Bidirectional": _bidirectional,
    "TimeDistributed": _time_distributed,
    "MultiHeadAttention": _attention,
    "Attention": _dot_attention,
    **dict.fromkeys(("Dot", "Matmul"), _matrix_product),
}
_WITHOUT_PRODUCTS = {"Embedding", "LayerNormalization", "PReLU"}
_UNKNOWN = {"Lambda", "Einsum", "Tensordot", "Conv", "DotProductAttention"}
"""Layers and operations without weights that may multiply matrices."""


# ---- receptive field -------------------------------------------------------------------------
_Source = tuple[Dimensions, Reach | None]


def _reach(layer: Any, kind: str, sources: Sequence[_Source], call: Any) -> Reach | None:
    """Of a layer's output; None where an input's is not known, or the layer is not."""
    known = [(shape, reach) for shape, reach in sources if reach is not None]
    if len(known) < len(sources) or not known or not _is_of_keras(layer) or kind in _UNKNOWN:
        return None
    if len({reach.length for _, reach in known}) > 1:
        return None  # inputs of different lengths have no common steps
    shape, reach = known[0][0], _joined([reach for _, reach in known])
    base = kind.removesuffix("Transpose").rstrip("123D")
    if base in _SLIDING:
        size, step = _window(layer, base)
        return reach.spread(size, step) if kind.endswith("Transpose") else reach.slide(size, step)
    if base == "UpSampling":
        factor = _tuple(layer.size)
        return reach.spread(factor, factor)
    if kind == "Embedding":
        return Reach(reach.field, reach.stride, shape)
    if kind == "Dense" and len(shape) == 1:
        return reach.gather(shape)
    if kind == "Flatten" or base.startswith("Global"):
        return reach.gather(shape)
    if _joins_steps(layer, kind):
        output = shape_of(call.outputs[0])
        return reach.gather(shape, keep=len(output) == len(shape))
    if kind in ("Reshape", "Permute"):
        return _reshaped(reach, shape, shape_of(call.outputs[0]), kind)
    return reach


_SLIDING = {"Conv", "DepthwiseConv", "SeparableConv", "MaxPooling", "AveragePooling"}
_WHOLE = {
    *("LSTM", "GRU", "SimpleRNN", "Bidirectional", "MultiHeadAttention", "Attention"),
    *("AdditiveAttention", "GroupNormalization", "Dot", "Matmul", "EinsumDense", "Mean", "Sum"),
    *("RNN", "GroupedQueryAttention", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
}


def _joins_steps(layer: Any, kind: str) -> bool:
    """Whether every step of the output depends on every step of the input."""
    if kind in ("LayerNormalization", "Softmax"):
        return not _last_axis(layer)
    return kind in _WHOLE and 1 in (_attention_axes(layer) or (1,))


def _joined(parts: Sequence[Reach]) -> Reach:
    """Of several inputs, the widest."""
    first = parts[0]
    field = tuple(max(values) for values in zip(*(p.field for p in parts), strict=True))
    strides = [p.stride for p in parts if p.stride]
    stride = tuple(max(values) for values in zip(*strides, strict=True)) if strides else ()
    return replace(first, field=field, stride=stride)


def _window(layer: Any, base: str) -> tuple[list[int], tuple[int, ...]]:
    if base.endswith("Pooling"):
        return list(_tuple(layer.pool_size)), _tuple(layer.strides)
    dilated = zip(_tuple(layer.kernel_size), _tuple(layer.dilation_rate), strict=True)
    return [(k - 1) * d + 1 for k, d in dilated], _tuple(layer.strides)


def _tuple(value: Any) -> tuple[int, ...]:
    return (int(value),) if isinstance(value, int) else tuple(map(int, value))


def _last_axis(layer: Any) -> bool:
    axis = layer.axis
    rank = len(shape_of(layer.output)) if hasattr(layer, "output") else 0
    return axis in (-1, rank) or axis in ([-1], [rank], (-1,), (rank,))


def _reshaped(reach: Reach, before: Dimensions, after: Dimensions, kind: str) -> Reach:
    """A reshape keeps time where it keeps it first, also when steps are laid side by side."""
    old, new = before[0], after[0]
    if not reach.stride or (kind == "Reshape" and before == after):
        return reach
    if kind == "Permute" or len(reach.stride) > 1 or old is None or new is None:
        return reach.gather(before)
    if len(before) == 1:  # the flat input: a step of it is a row, or some rows, of the new value
        steps = reach.length[0]
        if reach.field != (1.0,) or len(after) == 1:
            return reach.gather(before)
        if old % new or (steps or new) % new:
            return reach.gather(before)
        span = (steps or new) / new
        return Reach((span,), (span,), (steps or new,))
    if len(after) > 1 and old % new == 0:
        return reach.slide([old // new], [old // new])
    if len(after) > 1 and new % old == 0:
        return reach.spread([new // old], [new // old])
    return reach.gather(before)
