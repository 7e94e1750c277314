"""An ability that a node does not have is refused by the layer's name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from edgeconv.errors import Unsupported
from edgeconv.ir.nodes import Value
from edgeconv.ir.nodes.node import Node, Shape


@dataclass(frozen=True, eq=False, kw_only=True)
class Shapeless(Node):
    """A node that says nothing."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Silent(Node):
    """A node that says its shape only."""

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]


def test_unsupported_abilities_name_the_layer() -> None:
    with pytest.raises(Unsupported, match=r"layer 'odd' \(Shapeless\) has no output shape"):
        Shapeless(label="odd", inputs=(Value("x", (8, 3)),))
    node = Silent(label="odd", inputs=(Value("x", (8, 3)),))
    with pytest.raises(Unsupported, match=r"layer 'odd' \(Silent\) cannot be evaluated"):
        node.evaluate(np.zeros((1, 8, 3)))
