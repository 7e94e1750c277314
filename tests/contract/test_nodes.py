"""What every operation of a graph must be able to do, and what a new one costs: one class, and a
row in a target's table of lowerings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.keras_catalogue import KERAS_LAYERS
from edgeconv.ir.nodes import (
    NODES,
    SOFTMAX,
    Activation,
    ActivationFunction,
    Affine,
    Attention,
    Concatenate,
    Conv,
    Dense,
    Depthwise,
    Embedding,
    GlobalPool,
    Gru,
    KerasLayer,
    Lstm,
    MatrixProduct,
    Mean,
    Merge,
    Node,
    Pad,
    Pool,
    Recurrent,
    Repeat,
    Reshape,
    Shape,
    SimpleRnn,
    Slice,
    Transpose,
    TransposedConv,
    Value,
)
from edgeconv.ir.numpy_interpreter import evaluate
from edgeconv.ir.quantization_points import split_activations
from edgeconv.ir.tf_builder import Lowering, TFBuilder, lowering_of
from edgeconv.ir.tf_lowering import LOWERINGS
from tests.unit.graphs import CHANNELS, STEPS, Sum, residual

Array = NDArray[np.float64]
RNG = np.random.default_rng(0)
TANH = ActivationFunction("tanh")


def entry(*shape: int) -> tuple[Value, ...]:
    return (Value("entry", shape or (STEPS, CHANNELS)),)


def recurrent(cls: type[Recurrent], **changed: Any) -> Recurrent:
    return cls(
        label="a",
        inputs=entry(),
        kernel=RNG.normal(size=(CHANNELS, 3 * cls.gates)),
        recurrent_kernel=RNG.normal(size=(3, 3 * cls.gates)),
        bias=RNG.normal(size=3 * cls.gates),
        **changed,
    )


EXAMPLES: tuple[Node, ...] = (
    Activation(label="a", inputs=entry(), function=TANH),
    Activation(label="a", inputs=entry(), function=SOFTMAX),
    Affine(
        label="a",
        inputs=entry(),
        scale=RNG.uniform(1, 2, (STEPS, CHANNELS)),
        offset=RNG.normal(size=(STEPS, CHANNELS)),
    ),
    Attention(label="a", inputs=(*entry(5, 6), *entry(7, 6), *entry(7, 4)), heads=2),
    Attention(label="a", inputs=(*entry(5, 6), *entry(5, 6), *entry(5, 6)), heads=1, causal=True),
    Conv(
        label="a",
        inputs=entry(),
        kernel=RNG.normal(size=(3, CHANNELS // 2, 6)),
        bias=RNG.normal(size=6),
        groups=2,
        stride=(2,),
        padding="causal",
        activation=TANH,
    ),
    Conv(label="a", inputs=entry(), kernel=RNG.normal(size=(3, CHANNELS, 6)), bias=np.ones(6)),
    Conv(
        label="a",
        inputs=entry(8, 6, CHANNELS),
        kernel=RNG.normal(size=(3, 2, CHANNELS, 5)),
        bias=RNG.normal(size=5),
        stride=(2, 1),
        padding="same",
    ),
    TransposedConv(
        label="a",
        inputs=entry(),
        kernel=RNG.normal(size=(3, 6, CHANNELS)),
        bias=RNG.normal(size=6),
        size=(2 * STEPS,),
        stride=(2,),
        padding="same",
    ),
    Dense(label="a", inputs=entry(5), kernel=RNG.normal(size=(5, 3)), bias=np.ones(3)),
    Depthwise(
        label="a",
        inputs=entry(),
        kernel=RNG.normal(size=(3, CHANNELS, 2)),
        bias=RNG.normal(size=CHANNELS * 2),
        dilation=(2,),
    ),
    GlobalPool(label="a", inputs=entry(), kind="average", keep_axes=True),
    GlobalPool(label="a", inputs=entry(), kind="max"),
    KerasLayer(
        label="a",
        inputs=entry(),
        outputs=(Value("a", (STEPS, 1)), Value("a.1", (CHANNELS,))),
        call=lambda x: [x[:, :, :1], x[:, 0]],
        kind="Odd",
    ),
    recurrent(Lstm, every_step=True, backwards=True),
    recurrent(Lstm, gives_states=True),
    recurrent(Gru, recurrent_bias=RNG.normal(size=9), every_step=True, flips_output=True),
    recurrent(Gru, recurrent_bias=RNG.normal(size=9), reset_after=False),
    recurrent(SimpleRnn),
    *(
        Merge(label="a", inputs=(*entry(), *entry()), kind=kind)
        for kind in ("add", "subtract", "multiply", "average", "maximum", "minimum")
    ),
    Merge(label="a", inputs=(*entry(), *entry(1, CHANNELS), *entry()), kind="average"),
    Merge(label="a", inputs=(*entry(), *entry(), *entry()), kind="maximum"),
    Mean(label="a", inputs=entry(), axes=(1,)),
    Mean(label="a", inputs=entry(8, 6, 3), axes=(0, 2)),
    MatrixProduct(label="a", inputs=(*entry(), *entry(CHANNELS, 5))),
    MatrixProduct(label="a", inputs=(*entry(), *entry(3, STEPS)), transposed=(True, True)),
    Embedding(
        label="a", inputs=(Value("entry", (STEPS,), "int32"),), table=RNG.normal(size=(5, 3))
    ),
    Pad(label="a", inputs=entry(), widths=((1, 2), (0, 1))),
    Repeat(label="a", inputs=entry(), times=(2, 1)),
    Slice(label="a", inputs=entry(8, 6, 3), axes=((1, 8, 2), (5, -7, -1), (0, 3, 1))),
    Transpose(label="a", inputs=entry(8, 6, 3), order=(2, 0, 1)),
    Concatenate(label="a", inputs=(*entry(), *entry(STEPS, 2)), axis=1),
    Concatenate(label="a", inputs=(*entry(), *entry(5, CHANNELS)), axis=0),
    Pool(label="a", inputs=entry(), kind="max", size=(3,), stride=(2,), padding="same"),
    Pool(label="a", inputs=entry(8, 6, 3), kind="max", size=(3, 2), stride=(2, 1), padding="same"),
    Pool(label="a", inputs=entry(), kind="average", size=(2,), stride=(2,)),
    Reshape(label="a", inputs=entry(), shape=(STEPS * CHANNELS,)),
)
CASES = pytest.mark.parametrize("node", EXAMPLES, ids=lambda node: type(node).__name__)


def inputs_of(node: Node, n: int = 3) -> list[Array]:
    return [
        RNG.normal(size=shape) if value.is_float else RNG.integers(0, 5, shape).astype(float)
        for value, shape in ((value, (n, *value.shape)) for value in node.inputs)
    ]


def alone(node: Node) -> Graph:
    return Graph("alone", node.inputs, node.outputs, (node,))


def _classes(parent: type[Node]) -> Iterator[type[Node]]:
    for each in parent.__subclasses__():
        yield each
        yield from _classes(each)


def test_nodes_are_the_operations_of_the_package_and_each_has_an_example() -> None:
    written = {
        each
        for each in _classes(Node)
        if each.__module__.startswith("edgeconv.") and not _classes_below(each)
    }
    assert set(NODES) == written
    assert {type(node) for node in EXAMPLES} == written


def _classes_below(parent: type[Node]) -> bool:
    return any(each.__module__.startswith("edgeconv.") for each in _classes(parent))


def test_lowerings_have_every_node() -> None:
    assert set(LOWERINGS) == set(NODES)


def test_keras_catalogue_reads_or_names_a_role() -> None:
    assert all(entry.supported or entry.role != "other" for entry in KERAS_LAYERS.values())
    assert all(entry.read or not entry.arrays for entry in KERAS_LAYERS.values())


@CASES
def test_evaluate_gives_the_output_shapes_in_float64(node: Node) -> None:
    results = node.evaluate_outputs(*inputs_of(node))
    assert [r.shape[1:] for r in results] == [value.shape for value in node.outputs]
    assert all(r.dtype == np.float64 for r in results)


@CASES
def test_split_computes_the_same_and_gives_every_inner_value(node: Node) -> None:
    graph = alone(node)
    parts = split_activations(graph)
    assert set(parts.values) >= {*node.inner, *node.outputs}
    arrays = inputs_of(node)
    for whole, split in zip(evaluate(graph, *arrays), evaluate(parts, *arrays), strict=True):
        np.testing.assert_allclose(whole, split, atol=1e-12)


@CASES
def test_quantized_values_are_the_nodes_own_or_refused_by_name(node: Node) -> None:
    if node.opaque or getattr(node, "causal", False):
        with pytest.raises(Unsupported, match="layer 'a'"):
            node.quantized_values(None)
    else:
        assert {*node.quantized_values(None)} <= {*node.inner, *node.outputs}


@CASES
def test_constants_hold_every_array(node: Node) -> None:
    from edgeconv.ir.layout import Layout

    for channels_first in (False, True):
        constants = lowering_of(LOWERINGS, node).constants(
            Layout(alone(node), channels_first), node
        )
        sizes = {part: array.size for part, array in constants.items()}
        assert sizes == {name: array.size for name, array in node.arrays()}


def _affine_of(shape: Shape, same_over_time: bool = True) -> AffineMap:
    scale, offset = RNG.uniform(0.5, 2, shape[-1:]), RNG.normal(size=shape[-1:])
    if not same_over_time:
        return AffineMap(RNG.uniform(0.5, 2, shape), RNG.normal(size=shape))
    return AffineMap(scale, offset).broadcast(shape)


@CASES
@pytest.mark.parametrize("same_over_time", [True, False])
def test_folding_is_exact_or_not_done(node: Node, same_over_time: bool) -> None:
    if len(node.outputs) > 1 or not all(value.is_float for value in node.inputs):
        return
    arrays = inputs_of(node)
    several = [_affine_of(value.shape, same_over_time) for value in node.inputs]
    before = several[0]
    after = _affine_of(node.output.shape, same_over_time)
    (plain,), mapped = node.evaluate_outputs(*arrays), _mapped(node, several, arrays)
    absorbed = node.absorb_output(after)
    if absorbed is not None:
        np.testing.assert_allclose(
            absorbed.evaluate_outputs(*arrays)[0], after.apply(plain), atol=1e-9
        )
    absorbed = node.absorb_input(before) if len(arrays) == 1 else None
    if absorbed is not None:
        (got,) = absorbed.evaluate_outputs(*arrays)
        np.testing.assert_allclose(got, mapped, atol=1e-9)
    moved = node.pass_affines(several)
    if moved is not None:
        np.testing.assert_allclose(moved.apply(plain), mapped, atol=1e-9)
    alike = [
        before.broadcast(value.shape) if value.shape == node.inputs[0].shape else each
        for each, value in zip(several, node.inputs, strict=True)
    ]
    moved = node.pass_affines(alike)
    if moved is not None:
        np.testing.assert_allclose(moved.apply(plain), _mapped(node, alike, arrays), atol=1e-9)


def _mapped(node: Node, maps: list[AffineMap], arrays: list[Array]) -> Array:
    (result,) = node.evaluate_outputs(
        *(each.apply(x) for each, x in zip(maps, arrays, strict=True))
    )
    return result


# --- a toy operation --------------------------------------------------------------------------


def test_toy_node_without_a_lowering_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="layer 'sum' has no TensorFlow operations"):
        lowering_of(LOWERINGS, residual().nodes[1])


@pytest.mark.heavy
@pytest.mark.parametrize("channels_first", [False, True])
def test_toy_node_is_built_with_one_row_and_computes_the_same(channels_first: bool) -> None:
    import tensorflow as tf

    def add(builder: TFBuilder, node: Sum, one: Any, other: Any) -> Any:
        return builder.tf.add(one, other, name=builder.name(node))

    graph = residual()
    builder = TFBuilder(graph, {**LOWERINGS, Sum: Lowering(add)}, channels_first)
    arrays = [RNG.normal(size=(1, *value.shape)) for value in graph.inputs]
    outputs = builder.run(*(tf.constant(x, tf.float32) for x in arrays))
    assert list(outputs) == ["mean_output", "sum_output"]
    for ours, theirs in zip(evaluate(graph, *arrays), outputs.values(), strict=True):
        np.testing.assert_allclose(theirs.numpy(), ours, atol=1e-5)
