"""Plan → `tf.Module`: one batch-1 trace in rank-4 form, which both converters read.

A 1-D convolution is a 2-D one with a 1×k kernel. Written so from the start, no converter needs to
wrap each convolution in EXPAND_DIMS/RESHAPE (TFLite) or transposes (Core ML).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeconv.ir.graph import Plan
from edgeconv.ir.tf_builder import OUTPUT, TFBuilder

INPUT = "sensor"


@dataclass(frozen=True, eq=False)
class Traced:
    """A network as converters take it.

    `module` holds the variables of `function`. Both must be handed to a converter: with the
    function alone TFLite's writes a file without weights and says nothing.
    """

    plan: Plan
    module: Any
    function: Any
    shape: tuple[int, ...]
    labels: tuple[str, ...]
    layout_changes: int  # operations that move values without computing
    input: str = INPUT


def trace(
    plan: Plan,
    labels: tuple[str, ...],
    channels_first: bool,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Traced:
    """One window (1, features) in, `probabilities` out.

    `ranges` (`points.py`) make the trace round its values as 8-bit integers would, so that a
    converter needs no recordings to quantize it.
    """
    import tensorflow as tf

    emitter = TFBuilder(plan, channels_first, ranges)
    module = tf.Module(name="network")
    module.held = emitter.variables

    def network(sensor: Any) -> dict[str, Any]:
        return {OUTPUT: emitter.run(sensor)}

    shape = (1, *plan.input_shape)
    signature = [tf.TensorSpec(shape, tf.float32, INPUT)]
    module.network = tf.function(network, input_signature=signature, autograph=False)
    function = module.network.get_concrete_function()
    return Traced(plan, module, function, shape, labels, emitter.layout_changes)
