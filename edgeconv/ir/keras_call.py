"""One call of a Keras layer, as node readers see it, and what the catalogue says of a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from edgeconv.ir.nodes.node import Node, Value

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array


@dataclass(frozen=True, eq=False)
class KerasCall:
    """One call of a layer.

    Attributes:
        layer: Keras' own, or an object with the same settings and arrays (`stored_model.py`).
        kind: the layer's class.
        label: the layer's name, with the number of the call where it is called again.
        inputs: what it reads.
        results: shapes and types as Keras gives them; empty where only the file was read.
        run: the call on other tensors, one for each input, to its flat list of outputs; None where
            only the file was read.
        arguments: what the call was given, by the names of the layer's parameters: a `Value` for a
            tensor, the rest as it was; nothing where only the file was read.
    """

    layer: Any
    kind: str
    label: str
    inputs: tuple[Value, ...]
    results: tuple[Value, ...] = ()
    run: Callable[..., list[Any]] | None = None
    arguments: Callable[[], Mapping[str, Any]] = dict

    def array(self, name: str) -> Array:
        """A weight of the layer in float64."""
        import numpy as np

        return np.asarray(getattr(self.layer, name), np.float64)

    def bias(self, size: int) -> Array:
        """The layer's bias; zeros where it has none."""
        import numpy as np

        return self.array("bias") if self.layer.use_bias else np.zeros(size)


class LayerRole(StrEnum):
    """What a layer does to its values, as far as comparisons need to know."""

    KERNEL = "kernel"
    AFFINE = "affine"
    RESHAPE = "reshape"
    ACTIVATION = "activation"
    MAXIMUM = "maximum"
    AVERAGE = "average"
    TRAINING_ONLY = "training only"
    OTHER = "other"


ReadLayer = Callable[[KerasCall], tuple[Node, ...]]
"""From a call to the nodes that compute it; the last one gives the layer's outputs."""


@dataclass(frozen=True)
class KerasLayerType:
    """What the catalogue says of a Keras layer.

    Attributes:
        read: None where no node stands for the layer yet.
        arrays: names of the weights in the order in which Keras makes and stores them, each with
            the setting that must be on for it to exist; empty: it always does.
        fuses_activation: whether the layer applies an activation as the last thing it does.
        takes_integers: whether its nodes read integers; those of others read float32 alone.
    """

    role: LayerRole
    read: ReadLayer | None = None
    arrays: tuple[tuple[str, str], ...] = ()
    fuses_activation: bool = False
    takes_integers: bool = False

    @property
    def supported(self) -> bool:
        """Whether a model with the layer can be read."""
        return self.read is not None or self.role is LayerRole.TRAINING_ONLY
