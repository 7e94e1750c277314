"""Activation functions as Core AI's operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import ActivationFunction
from edgeconv.targets.coreai.builder import Named, ProgramBuilder, Tensor, signed


def activate(builder: ProgramBuilder, function: ActivationFunction, x: Tensor, name: str) -> Tensor:
    """The operations of an activation function; all of them bear the name."""
    if function.kind == "linear":
        return x
    if function.kind not in FUNCTIONS:
        raise Unsupported(
            f"activation '{function.kind}' has no operation of Core AI",
            f"possible: {', '.join(sorted(FUNCTIONS))}",
        )
    return FUNCTIONS[function.kind](Named(builder, name), x, function.value)


def _leaky_relu(op: Named, x: Tensor, slope: float) -> Tensor:
    below = op("broadcasting_mul", op("broadcasting_minimum", x, 0.0), slope)
    return op("broadcasting_add", op("relu", x), below)


def _elu(op: Named, x: Tensor, alpha: float) -> Tensor:
    power = op("exp", op("broadcasting_minimum", x, 0.0))
    below = op("broadcasting_mul", op("broadcasting_sub", power, 1.0), alpha)
    return op("broadcasting_add", op("relu", x), below)


def _log_softmax(op: Named, x: Tensor, _: float) -> Tensor:
    axes = signed(op.channels(x))
    shifted = op("broadcasting_sub", x, op("reduce_max", x, axes))
    total = op("reduce_sum", op("exp", shifted), axes)
    return op("broadcasting_sub", shifted, op("log", total))


FUNCTIONS: Mapping[str, Callable[[Named, Tensor, float], Tensor]] = {
    "relu": lambda op, x, _: op("relu", x),
    "relu_max": lambda op, x, ceiling: op("broadcasting_minimum", op("relu", x), ceiling),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "sigmoid": lambda op, x, _: op("sigmoid", x),
    "tanh": lambda op, x, _: op("tanh", x),
    "silu": lambda op, x, _: op("silu", x),
    "gelu": lambda op, x, _: op("gelu", x),
    "gelu_tanh": lambda op, x, _: op("gelu", x, approximate="tanh"),
    "softmax": lambda op, x, _: op("softmax", x, signed(op.channels(x))[0]),
    "log_softmax": _log_softmax,
    "abs": lambda op, x, _: op("abs_", x),
    "exp": lambda op, x, _: op("exp", x),
    "log": lambda op, x, _: op("log", x),
    "rsqrt": lambda op, x, epsilon: op("rsqrt", op("broadcasting_add", x, epsilon)),
    "ceiling": lambda op, x, ceiling: op("broadcasting_minimum", x, ceiling),
    "floor": lambda op, x, floor: op("broadcasting_maximum", x, floor),
}
"""The operations of each function, of the value and the function's number."""
