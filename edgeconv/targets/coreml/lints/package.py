"""A Core ML package as its lints see it: the program and the description."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from edgeconv.core import Contract
from edgeconv.core.metadata import CONTRACT_KEY, parse_contract
from edgeconv.errors import BadInput, Unsupported
from edgeconv.targets.coreml.program import Function, Operation, read_program
from edgeconv.targets.coreml.values import Shape


class PackageView:
    """One `.mlpackage`.

    Raises:
        BadInput: not a package, a damaged one, or one without an ML program.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.program = read_program(path)
        self.spec = self.program.spec
        self.functions = tuple(self.program.functions.values())

    @property
    def operations(self) -> Iterator[tuple[Function, Operation]]:
        """Every operation of every function, including nested blocks."""
        for function in self.functions:
            for op in function.nodes():
                yield function, op

    @property
    def features(self) -> tuple[Any, ...]:
        """Inputs and outputs as the description has them, of every function."""
        tops = (self.spec.description, *self.spec.description.functions)
        return tuple(f for top in tops for f in (*top.input, *top.output))

    @property
    def input_features(self) -> tuple[Any, ...]:
        tops = (self.spec.description, *self.spec.description.functions)
        return tuple(f for top in tops for f in top.input)

    @cached_property
    def contract(self) -> Contract | None:
        """The sensor contract; None where there is none or a damaged one."""
        fields = self.spec.description.metadata.userDefined
        if CONTRACT_KEY not in fields:
            return None
        return parse_contract(fields[CONTRACT_KEY], str(self.path))


def integers(function: Function, op: Operation, parameter: str) -> Shape | None:
    """Whole numbers that are known from the file, such as axes.

    None where they are computed, left out or missing from the weight file.
    """
    import numpy as np

    constant = function.argument(op, parameter)
    if constant is None or constant.type.dtype == "string":
        return None
    try:
        return tuple(int(n) for n in np.ravel(constant.value))
    except (BadInput, Unsupported):
        return None
