"""Graph → `tf.Module`: one batch-1 trace in rank-4 form, which the converters read.

A 1-D convolution is a 2-D one with a 1×k kernel. Written so from the start, no converter needs to
wrap each convolution in EXPAND_DIMS/RESHAPE (TFLite) or transposes (Core ML).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.node import Range, Value
from edgeconv.ir.tf_builder import Lowerings, TFBuilder
from edgeconv.ir.tf_lowering import LOWERINGS


@dataclass(frozen=True, eq=False)
class Traced:
    """A network as converters take it.

    `module` holds the variables of `function`. Both must be handed to a converter: with the
    function alone TFLite's writes a file without weights and says nothing. A converter that reads
    the graph itself gets neither.

    Attributes:
        labels: class names of a classifier, else empty.
        outputs: names of the outputs, in the graph's order.
    """

    graph: Graph
    module: Any
    function: Any
    labels: tuple[str, ...]
    outputs: tuple[str, ...]


def trace(
    graph: Graph,
    labels: tuple[str, ...],
    channels_first: bool,
    ranges: Mapping[Value, Range] | None = None,
    lowerings: Lowerings | None = None,
    outputs: tuple[str, ...] = (),
) -> Traced:
    """One sample in, (1, *shape) for each input; the outputs by name, none: by that of their layer.

    `ranges` (`quantization_points.py`) make the trace round its values as 8-bit integers would, so
    that a converter needs no recordings to quantize it. `lowerings` are those of nodes that a
    target builds in its own way.
    """
    import tensorflow as tf

    table = {**LOWERINGS, **(lowerings or {})}
    builder = TFBuilder(graph, table, channels_first, ranges, outputs)
    module = tf.Module(name="network")
    module.constants = builder.variables
    signature = [
        tf.TensorSpec((1, *value.shape), value.dtype, graph.names[value]) for value in graph.inputs
    ]
    module.network = tf.function(builder.run, input_signature=signature, autograph=False)
    function = module.network.get_concrete_function()
    module.of_keras_layers = list(function.variables)
    return Traced(graph, module, function, labels, builder.output_names)
