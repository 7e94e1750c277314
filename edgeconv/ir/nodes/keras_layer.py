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
    """A layer or operation without a node of its own, run and traced as Keras builds it.

    Attributes:
        call: the layer on tensors with their batch axis, to its list of outputs.
        kind: the layer's class.
        reason: why no node stands for it, where its class has one.
    """

    call: Callable[..., list[Any]]
    kind: str
    reason: str = ""

    opaque = True

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        del inputs
        return tuple(value.shape for value in self.outputs)

    def evaluate_outputs(self, *inputs: Array) -> tuple[Array, ...]:
        import numpy as np

        typed = (x.astype(value.dtype) for x, value in zip(inputs, self.inputs, strict=True))
        results = [np.asarray(result) for result in self.call(*typed)]
        if any(len(result) != len(inputs[0]) for result in results):
            raise self.unsupported("mixes the samples of a batch")
        return tuple(
            result.astype(np.float64 if value.is_float else value.dtype)
            for result, value in zip(results, self.outputs, strict=True)
        )

    def unsupported(self, what: str) -> Unsupported:
        reason = f": {self.reason}" if self.reason else ""
        return Unsupported(
            f"layer '{self.label}' ({self.kind}), which only Keras can compute, {what}{reason}",
            "replace it by layers that edgeconv has nodes for (docs/how-to/export.md)",
        )


def read_opaque(call: KerasCall, reason: str = "") -> tuple[Node, ...]:
    """Any layer, as Keras runs it; what its code raises becomes one clear line.

    Args:
        reason: why its class has no node for it.

    Raises:
        Unsupported: the layer was read from a file, without Keras.
    """
    run = call.run
    if run is None:
        raise Unsupported(
            f"layer '{call.label}' is a {call.kind}, which only Keras can compute",
            "replace it by layers that edgeconv has nodes for (docs/how-to/export.md)",
        )

    return (
        KerasLayer(
            label=call.label,
            inputs=call.inputs,
            outputs=call.results,
            call=checked(f"layer '{call.label}' ({call.kind})", run),
            kind=call.kind,
            reason=reason,
        ),
    )


def checked(name: str, run: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """A layer's code that raises nothing but Unsupported, with the layer's name."""

    def run_it(*values: Any) -> list[Any]:
        try:
            return run(*values)
        except Exception as error:
            raise Unsupported(
                f"{name} cannot be exported: its code fails with {type(error).__name__}: "
                f"{_reason(error)}",
                "replace it by layers of Keras itself",
            ) from error

    return run_it


def _reason(error: Exception) -> str:
    """The line that says what happened; Keras prints it bold, under a separate heading."""
    plain = re.sub(r"\x1b\[\d*m", "", str(error))
    lines = [line for line in plain.splitlines() if line.strip()] or ["no message"]
    wrapped = lines[0].startswith("Exception encountered") and len(lines) > 1
    return lines[1] if wrapped else lines[0]
