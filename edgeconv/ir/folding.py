"""Folding: whatever is affine disappears into the neighboring convolution or dense layer.

All arithmetic is float64; the result is rounded to float32 once, when it is emitted.

*Backward.* After a linear layer `y = W∗x + b` comes `z = s·y + t` (a batch normalization at
inference). Each output channel is scaled: `W' = s·W`, `b' = s·b + t`.

*Forward.* Before a linear layer comes `x = s·u + t` for each input channel (a unit, a sign, a
standardization): `y[o] = Σ_k Σ_c W[k,c,o]·(s[c]·u[k,c] + t[c]) + b[o]`, so

    W'[k,c,o] = W[k,c,o]·s[c]        b'[o] = b[o] + Σ_k Σ_c W[k,c,o]·t[c].

That holds at every position only where each tap sees a real value: with valid padding. Zeros that
`same` or `causal` padding adds are zeros of *x*, not of *u*, so at the borders the sum over k would
be short of taps and `b'` wrong there. Then the affine operation stays in the graph. Stride and
dilation only choose which positions and taps are taken, and change nothing.

Nodes know what they can absorb or let pass (`nodes/`); this pass only finds the neighbors. Before
a node with several inputs each of them must carry an affine operation. One that several nodes read
is folded into all of them, or stays.
"""

from __future__ import annotations

from dataclasses import replace

from edgeconv.core import InputConvention, Signal
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.affine import Affine
from edgeconv.ir.nodes.node import Node, Value, replaced, rewired
from edgeconv.ir.nodes.shape import Reshape, Transpose

CONTRACT_LABEL = "sensor_contract"
INPUT_LABEL = "sensor"


def for_sensor(
    graph: Graph,
    signal: Signal,
    sensor: InputConvention,
    expects: InputConvention = InputConvention.NORMALIZED,
) -> Graph:
    """The graph taking flat windows as `sensor` gives them, everything foldable folded.

    Args:
        graph: of one input.
        signal: the contract that the network was trained with.
        expects: what the graph takes; a network that normalizes by itself takes readings.
    """
    import numpy as np

    per_step = signal.for_sensor(sensor).affine_to(signal.for_sensor(expects))
    flat = Value(INPUT_LABEL, (signal.flat_size,))
    contract = Affine(
        label=CONTRACT_LABEL,
        inputs=(flat,),
        scale=np.tile(per_step.scale, signal.window),
        offset=np.tile(per_step.offset, signal.window),
    )
    before: list[Node] = [contract]
    shape = graph.input.shape
    if channels_come_first(shape, signal):
        steps = Reshape(
            label="time_major", inputs=contract.outputs, shape=(signal.window, len(signal.channels))
        )
        before += [steps, Transpose(label="by_channel", inputs=steps.outputs, order=(1, 0))]
    if before[-1].output.shape != shape:
        before.append(Reshape(label="steps", inputs=before[-1].outputs, shape=shape))
    by = {graph.input: before[-1].output}
    network = (rewired(node, by) for node in graph.nodes)
    outputs = replaced(graph.outputs, by)
    return fold(Graph(graph.name, (flat,), outputs, (*before, *network)))


def channels_come_first(shape: tuple[int | None, ...], signal: Signal) -> bool:
    """Whether an input takes a window channel by channel, as (channels, time) among axes of 1.

    Where both readings fit, time comes first.
    """
    channels = len(signal.channels)
    axes = tuple(size for size in shape if size != 1)
    return len(axes) == 2 and axes == (channels, signal.window) != (signal.window, channels)


def fold(graph: Graph) -> Graph:
    """Remove every affine operation that a neighbor can take over exactly.

    The function of the network is unchanged. What is left as `Affine` could not be folded.
    """
    folded: Graph | None = graph
    while folded is not None:
        graph = folded
        folded = next(filter(None, (_fold_at(graph, node) for node in graph.nodes)), None)
    return graph


def explicit(graph: Graph) -> tuple[str, ...]:
    """Labels of the affine operations that stayed in the graph."""
    return tuple(graph.label(node) for node in graph.nodes if isinstance(node, Affine))


def _fold_at(graph: Graph, node: Node) -> Graph | None:
    """The graph after one fold at a node; None where nothing can be done there."""
    if node.is_identity:
        return graph.bypass(node)
    if not isinstance(node, Affine):
        return None
    return _backward(graph, node) or _forward(graph, node) or _through(graph, node)


def _backward(graph: Graph, affine: Affine) -> Graph | None:
    """The affine operation multiplied into the node that computes its input."""
    (source,) = affine.inputs
    before = graph.producer(source)
    if before is None or graph.only_consumer(source) is None or len(before.outputs) > 1:
        return None
    merged = before.absorb_output(affine.map)
    return None if merged is None else graph.bypass(affine).replace_node(before, merged)


def _forward(graph: Graph, affine: Affine) -> Graph | None:
    """The affine operation multiplied into every node that reads its output."""
    if affine.output in graph.outputs:
        return None
    merged: dict[Node, Node] = {}
    for after in graph.consumers(affine.output):
        absorbed = after.absorb_input(affine.map) if len(after.inputs) == 1 else None
        if absorbed is None:
            return None
        merged[after] = absorbed
    return graph.map_nodes(lambda node: (merged.get(node, node),)).bypass(affine)


def _through(graph: Graph, affine: Affine) -> Graph | None:
    """The affine operation moved behind the only node that reads it, which computes as before.

    Where that node has several inputs, each of them must be such an affine operation.
    """
    after = graph.only_consumer(affine.output)
    if after is None or len(after.outputs) > 1:
        return None
    before = _affines_before(graph, after)
    moved = None if before is None else after.pass_affines([each.map for each in before])
    if before is None or moved is None:
        return None
    bare = replace(after, inputs=tuple(v for each in before for v in each.inputs), outputs=())
    behind = replace(
        affine, inputs=bare.outputs, outputs=(), inner=(), scale=moved.scale, offset=moved.offset
    )
    by = {after.output: behind.output}
    nodes: list[Node] = []
    for node in graph.nodes:
        if node is after:
            nodes += [bare, behind]
        elif node not in before:
            nodes.append(rewired(node, by))
    return replace(graph, nodes=tuple(nodes), outputs=replaced(graph.outputs, by))


def _affines_before(graph: Graph, node: Node) -> list[Affine] | None:
    """The affine operation that computes each input for `node` alone; None where one is not."""
    affines: list[Affine] = []
    for value in node.inputs:
        producer = graph.producer(value)
        if not isinstance(producer, Affine) or graph.only_consumer(value) is not node:
            return None
        affines.append(producer)
    return affines
