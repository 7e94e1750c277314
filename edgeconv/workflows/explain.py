"""`edgeconv explain`: a Keras model layer by layer, or a convolution by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeconv.core import PathLike, Signal, as_path
from edgeconv.errors import BadInput
from edgeconv.ir import keras_file
from edgeconv.ir.convolution_examples import EXAMPLES, ConvolutionExample
from edgeconv.ir.layer_costs import LayerCost, Reach, layer_costs
from edgeconv.targets.base import all_targets
from edgeconv.workflows.steps.sources import find_model


@dataclass(frozen=True)
class ModelExplanation:
    """What a model's layers are, cost and see.

    Attributes:
        path: of the model's file.
        name: of the model.
        layers: each call of a layer, in computed order.
        trainable: parameters that training changes.
        contract: the sensor contract in the file; None if there is none.
    """

    path: Path
    name: str
    layers: tuple[LayerCost, ...]
    trainable: int
    contract: Signal | None

    @property
    def parameters(self) -> int:
        """All weights, shared ones once."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one sample, of the layers in which they are known."""
        return sum(layer.macs or 0 for layer in self.layers)

    @property
    def not_counted(self) -> tuple[str, ...]:
        """Names of layers whose multiply-accumulates are not known."""
        return tuple(layer.name for layer in self.layers if layer.macs is None)

    def seconds(self, reach: Reach) -> float | None:
        """Length of a receptive field in time; None without a sensor contract, or beyond it."""
        steps = reach.steps[0]
        if self.contract is None or not math.isfinite(steps):
            return None
        return steps / self.contract.rate_hz

    def to_json(self) -> dict[str, Any]:
        """What `edgeconv explain MODEL --json` writes."""
        return {
            "path": str(self.path),
            "name": self.name,
            "rate_hz": self.contract.rate_hz if self.contract else None,
            "layers": [self._row(layer) for layer in self.layers],
            "parameters": self.parameters,
            "trainable_parameters": self.trainable,
            "macs": self.macs,
            "macs_not_counted": list(self.not_counted),
        }

    def _row(self, layer: LayerCost) -> dict[str, Any]:
        reach = layer.reach
        return {
            "name": layer.name,
            "kind": layer.kind,
            "output_shape": list(layer.output_shape),
            "parameters": layer.parameters,
            "macs": layer.macs,
            "receptive_field": reach and [n if math.isfinite(n) else None for n in reach.steps],
            "receptive_field_seconds": reach and self.seconds(reach),
            "stride": reach and list(reach.stride),
        }


def explain_model(path: PathLike) -> ModelExplanation:
    """Describe a Keras model layer by layer: shapes, parameters, MACs, receptive field, stride.

    Args:
        path: a Keras model, or a folder that edgeconv wrote with one in it.

    Returns:
        The layers and their sums, with `to_json` for the form that `--json` writes.

    Raises:
        BadInput: missing, damaged or of another kind.
        Unsupported: the model is no graph of layers.
    """
    file = find_model(as_path(path, "path"))
    if file.suffix in {target.suffix for target in all_targets()}:
        raise BadInput(
            f"{file} is an exported file, but explain describes a Keras model",
            f"give the .keras file, or look at this one with: edgeconv inspect {file}",
        )
    contract = keras_file.read_contract(file)
    signal = contract if isinstance(contract, Signal) else None
    model = keras_file.load_model(file)
    layers = layer_costs(model, signal)
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return ModelExplanation(file, str(model.name), layers, trainable, signal)


def explain_conv1d() -> tuple[ConvolutionExample, ...]:
    """Three convolutions that can be followed by hand, with every product and sum."""
    return EXAMPLES
