"""Attention of several heads: every position of a sequence reads those of another, or of itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import SOFTMAX
from edgeconv.ir.nodes.convolution import Conv
from edgeconv.ir.nodes.node import Node, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Attention(Node):
    """`softmax(queryᵀ · key) · value` in each head (Vaswani et al., 2017).

    Inputs are query (steps, heads · size), key (others, heads · size) and value (others, heads ·
    width); the output is (steps, heads · width). What divides the scores is in the query.

    Attributes:
        causal: whether a step reads no later one.
        gives_scores: gives the scores before the softmax too, (heads, steps, others).
    """

    heads: int
    causal: bool = False
    gives_scores: bool = False

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        (steps, size), (others, key_size), (length, width) = inputs
        if (size, others) != (key_size, length) or size % self.heads or width % self.heads:
            raise ValueError(f"node '{self.label}': {self.heads} heads on {inputs}")
        scores = (self.heads, steps, others)
        return ((steps, width), scores) if self.gives_scores else ((steps, width),)

    def evaluate_outputs(self, *inputs: Array) -> tuple[Array, ...]:
        import numpy as np

        query, key, value = (self._by_head(x) for x in inputs)
        scores = query @ key.swapaxes(-1, -2)
        if self.causal:
            scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
        mixed = (SOFTMAX(scores) @ value).swapaxes(1, 2)
        output = mixed.reshape(*mixed.shape[:2], -1)
        return (output, scores) if self.gives_scores else (output,)

    def _by_head(self, x: Array) -> Array:
        """(n, steps, heads · size) as (n, heads, steps, size)."""
        return x.reshape(*x.shape[:2], self.heads, -1).swapaxes(1, 2)

    # --- integers -----------------------------------------------------------------------------

    def inner_shapes(self) -> Iterable[tuple[str, Shape]]:
        if not self.gives_scores:
            (steps, _), (others, _), _ = (value.shape for value in self.inputs)
            yield "scores", (self.heads, steps, others)

    def split(self) -> tuple[Node, ...]:
        """The same node with its inner value as a second output."""
        outputs = (*self.outputs, *self.inner)
        return (replace(self, outputs=outputs, inner=(), gives_scores=True),)

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        if self.causal:
            raise self.unsupported("reads no later steps, which integers cannot leave out")
        return (*self.inner, *self.outputs)


def read_multi_head_attention(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `MultiHeadAttention`: three projections, the attention, and a fourth projection.

    Raises:
        Unsupported: masks, scores as an output, a gate, or sequences of more than one axis.
    """
    layer = call.layer
    given = {name: each for name, each in call.arguments().items() if isinstance(each, Value)}
    settings = {name: each for name, each in call.arguments().items() if name not in given}
    masked = set(given) - {"query", "key", "value"} or len(call.inputs) != len(given)
    plain = all(len(value.shape) == 2 for value in given.values())
    unusual = settings.get("return_attention_scores") or getattr(layer, "_use_gate", False)
    if masked or unusual or not plain or not {"query", "value"} <= set(given):
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) has a mask, gives its scores, has a gate, or "
            "reads more than one sequence axis",
            "leave these out",
        )
    heads, size = int(layer.num_heads), int(layer.key_dim)
    query, key, value = given["query"], given.get("key", given["value"]), given["value"]
    projected = (
        _projection(call, "query", query, layer.query_dense, 1 / size**0.5),
        _projection(call, "key", key, layer.key_dense),
        _projection(call, "value", value, layer.value_dense),
    )
    attention = Attention(
        label=f"{call.label}_attention",
        inputs=tuple(node.output for node in projected),
        heads=heads,
        causal=bool(settings.get("use_causal_mask", False)),
    )
    output = layer.output_dense
    if output.kernel.ndim != 3:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) has an output_shape of several axes",
            "give it one number, and reshape afterwards",
        )
    return *projected, attention, _projection(call, "", attention.output, output)


def _projection(call: KerasCall, part: str, x: Value, dense: Any, factor: float = 1.0) -> Conv:
    """A dense layer at every step; its kernel has an axis for heads, which come first."""
    import numpy as np

    channels = x.shape[-1]
    kernel = np.asarray(dense.kernel, np.float64).reshape(channels, -1) * factor
    bias = np.zeros(kernel.shape[1])
    if dense.bias is not None:
        bias = np.asarray(dense.bias, np.float64).reshape(-1) * factor
    label = f"{call.label}_{part}" if part else call.label
    return Conv(label=label, inputs=(x,), kernel=kernel[None], bias=bias)
