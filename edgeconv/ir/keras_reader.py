"""Keras model → plan. A layer outside the table is refused by name, never approximated."""

from __future__ import annotations

from typing import Any

from edgeconv.core import Signal
from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir.graph import Layer, Plan
from edgeconv.ir.keras_layers import translate


def read(model: Any, signal: Signal) -> Plan:
    """The layers of a Keras model (one chain, one input, one output) with float64 weights.

    Raises:
        BadInput: input or output size differs from the contract, or a weight is not finite.
        Unsupported: a layer, activation or topology that no exporter knows.
    """
    layers: list[Layer] = []
    for layer in chain(model):
        layers.extend(translate(layer))
    shape = _input_shape(model, signal)
    plan = Plan(str(model.name), shape, tuple(layers))
    _check_output(plan, signal)
    _check_finite(plan)
    return plan


def chain(model: Any) -> list[Any]:
    """The layers between the input and the output, nested models opened.

    Raises:
        Unsupported: the model branches or has several inputs or outputs.
    """
    if not getattr(model, "outputs", None):
        raise Unsupported(
            f"model '{model.name}' ({type(model).__name__}) is not a graph of layers",
            "build it as a Sequential or functional Keras model with a fixed input shape",
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise Unsupported(f"model '{model.name}' has several inputs or outputs", "give it one each")
    found: list[Any] = []
    tensor = model.outputs[0]
    while True:
        operation, index, _ = tensor._keras_history
        parents = operation._inbound_nodes[index].input_tensors
        if not parents:
            break
        if len(parents) != 1:
            raise Unsupported(
                f"layer '{operation.name}' ({type(operation).__name__}) joins several branches",
                "only a single chain of layers can be exported",
            )
        nested = chain(operation) if hasattr(operation, "inputs") else [operation]
        found = nested + found
        tensor = parents[0]
    return found


def _input_shape(model: Any, signal: Signal) -> tuple[int, ...]:
    shape = tuple(model.inputs[0].shape[1:])
    if shape not in ((signal.flat_size,), (signal.window, len(signal.channels))):
        raise BadInput(
            f"model '{model.name}' takes {_product(shape)} values a window {shape}, but the sensor "
            f"contract says {signal.window} time steps × {len(signal.channels)} channels = "
            f"{signal.flat_size}",
            "give the contract that the model was trained with",
        )
    return tuple(int(d) for d in shape)


def _product(shape: tuple[int | None, ...]) -> str:
    total = 1
    for d in shape:
        if d is None:
            return "a variable number of"
        total *= d
    return str(total)


def _check_output(plan: Plan, signal: Signal) -> None:
    shape = plan.shapes()[-1]
    if len(shape) != 1:
        raise BadInput(f"model '{plan.name}' gives {shape} a window", "its output must be a vector")
    if signal.labels and shape[0] != len(signal.labels):
        raise BadInput(
            f"model '{plan.name}' has {shape[0]} outputs, but the contract has "
            f"{len(signal.labels)} class labels: {', '.join(signal.labels)}",
            "give as many labels as the model has outputs",
        )


def _check_finite(plan: Plan) -> None:
    import numpy as np

    for layer in plan.layers:
        for name, value in vars(layer).items():
            if isinstance(value, np.ndarray) and not np.isfinite(value).all():
                raise BadInput(
                    f"layer '{layer.name}': {name} holds NaN or infinity",
                    "the training diverged; train again, with a lower learning rate",
                )
