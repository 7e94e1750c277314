"""How kernels lie in a program: as floats, or packed with the operation that unpacks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeconv.targets.coreai.builder import ProgramBuilder, Tensor

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array


def store_float(builder: ProgramBuilder, name: str, array: Array, outputs: int) -> Tensor:
    """In the computing type."""
    del outputs
    return builder.weight(name, array)
