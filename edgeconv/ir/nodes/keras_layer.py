"""Layers that only Keras itself can compute."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.node import Node, Shape

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class KerasLayer(Node):
    """A layer that is run and traced as Keras builds it (a Lambda that the caller trusts).

    Attributes:
        call: the layer on tensors with their batch axis.
        shapes: of its outputs.
    """

    call: Callable[..., Any]
    shapes: tuple[Shape, ...]

    opaque = True

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        del inputs
        return self.shapes

    def evaluate_outputs(self, *inputs: Array) -> tuple[Array, ...]:
        import numpy as np

        results = self.call(*(x.astype(np.float32) for x in inputs))
        several = results if isinstance(results, list | tuple) else (results,)
        return tuple(np.asarray(result, np.float64) for result in several)


def read_opaque(call: KerasCall) -> tuple[Node, ...]:
    """Any layer, as Keras runs it; what its code raises becomes one clear line."""

    def run(*values: Any) -> Any:
        try:
            return call.layer(*values)
        except Exception as error:
            raise Unsupported(
                f"layer '{call.label}' ({call.kind}) cannot be exported: its code fails with "
                f"{type(error).__name__}: {_reason(error)}",
                f"replace the {call.kind} by layers of Keras itself",
            ) from error

    node = KerasLayer(label=call.label, inputs=call.inputs, call=run, shapes=call.output_shapes)
    return (node,)


def _reason(error: Exception) -> str:
    """The line that says what happened; Keras prints it bold, under a separate heading."""
    plain = re.sub(r"\x1b\[\d*m", "", str(error))
    lines = [line for line in plain.splitlines() if line.strip()] or ["no message"]
    wrapped = lines[0].startswith("Exception encountered") and len(lines) > 1
    return lines[1] if wrapped else lines[0]
