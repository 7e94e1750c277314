"""When a batch-1 program may run on many samples at once, decided for each operation.

Values that depend on the input carry the samples along their first axis, which the program
declares as 1. A rule says whether an operation then treats each sample separately, and
which of its parameters must change for that. Where any operation has no rule, or its rule says no,
the runner loops; so a missing rule costs time, never correctness.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeconv.targets.coreml.program import Operation
from edgeconv.targets.coreml.values import ValueType


@dataclass(frozen=True)
class View:
    """The facts that a rule may use: one operation, and which values carry samples.

    Attributes:
        fixed: constant parameters. refs: computed ones, by the name of their value.
        types: of every value so far, by name.
        batched_values: names of the values that carry samples.
    """

    op: Operation
    fixed: Mapping[str, Any]
    refs: Mapping[str, Any]
    types: Mapping[str, ValueType]
    batched_values: Set[str]

    @property
    def batched(self) -> set[str]:
        """Parameters that carry samples."""
        return {key for key, names in self.refs.items() if self.batched_values & set(flat(names))}

    def shape(self, parameter: str) -> tuple[int, ...]:
        if parameter in self.fixed:
            return np.shape(self.fixed[parameter])
        return self.types[self.refs[parameter]].shape or ()

    def rank(self, parameter: str) -> int:
        return len(self.shape(parameter))

    def value(self, parameter: str, default: Any = None) -> Any:
        """The parameter's constant, `default` where it is not given; None where it is computed."""
        return None if parameter in self.refs else self.fixed.get(parameter, default)

    def axes(self, parameter: str, rank: int) -> set[int] | None:
        """Axes without negative numbers; None where they are not constant."""
        value = self.value(parameter)
        return None if value is None else {int(a) % rank for a in np.atleast_1d(value)}

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.op.outputs[0][1].shape or ()

    def only(self, *parameters: str) -> bool:
        """True if no other parameter carries samples."""
        return self.batched <= set(parameters)


class Ref(str):
    """The name of a value to look up when running, as opposed to a constant string."""


def flat(value: Any) -> list[Ref]:
    """The names in one parameter, which may be a tuple of names and constants."""
    parts = value if isinstance(value, tuple) else (value,)
    return [part for part in parts if isinstance(part, Ref)]


Change = dict[str, Any]
BatchRule = Callable[[View], Change | None]
"""Parameters to replace ({} for none), or None: the operation cannot run on many samples."""


def elementwise(view: View) -> Change | None:
    """Broadcasting keeps samples apart if their axis is the first of the result."""
    rank = len(view.out_shape)
    batched = view.batched
    for name in view.op.inputs:
        aligned = view.rank(name) == rank
        if aligned and name not in batched and view.shape(name)[0] != 1:
            return None
        if not aligned and name in batched:
            return None
    return {}


def first_axis(*parameters: str) -> BatchRule:
    """The operation treats each entry of the first axis of `parameters` separately."""

    def rule(view: View) -> Change | None:
        return {} if view.only(*parameters) else None

    return rule


def along_axis(parameter: str = "x", axis: str = "axis", default: int | None = -1) -> BatchRule:
    """The operation mixes values along constant axes other than the first."""

    def rule(view: View) -> Change | None:
        if not view.only(parameter):
            return None
        axes = view.axes(axis, view.rank(parameter))
        if axis not in view.op.inputs and default is not None:
            axes = {default % view.rank(parameter)}
        return {} if axes is not None and 0 not in axes else None

    return rule


def reshape(view: View) -> Change | None:
    """The first dimension stays 1 per sample; the others are those the program declares."""
    shape = view.out_shape
    if not view.only("x") or not shape or shape[0] != 1 or min(shape) < 1:
        return None
    return {"shape": np.array([-1, *shape[1:]])}


def transpose(view: View) -> Change | None:
    """The first axis stays first."""
    perm = view.value("perm")
    return {} if view.only("x") and perm is not None and int(perm[0]) % len(perm) == 0 else None


def expand_dims(view: View) -> Change | None:
    """New axes come behind the first one."""
    axes = view.axes("axes", len(view.out_shape))
    return {} if axes is not None and 0 not in axes else None


def squeeze(view: View) -> Change | None:
    """The first axis is not among those dropped by name."""
    axes = view.axes("axes", view.rank("x"))
    return {} if axes is not None and 0 not in axes else None


def linear(view: View) -> Change | None:
    """Every row is multiplied separately."""
    return {} if view.only("x") and view.rank("x") >= 2 else None


def matmul(view: View) -> Change | None:
    """The first axis must be a batch axis of the product, or rows of an untransposed x."""
    rank = len(view.out_shape)
    if rank >= 3:
        return elementwise(view)
    if rank != 2 or not view.only("x") or view.value("transpose_x", False):
        return None
    return {}


def concat(view: View) -> Change | None:
    """All parts carry samples, and are joined along another axis."""
    axis = view.value("axis")
    every = all(part in view.batched_values for part in view.refs["values"])
    if axis is None or not every or not view.only("values"):
        return None
    return {} if int(axis) % len(view.out_shape) != 0 else None


def slice_by_index(view: View) -> Change | None:
    """The first axis is taken whole."""
    begin, end, stride = (view.value(n, 1) for n in ("begin", "end", "stride"))
    if not view.only("x") or begin is None or end is None or stride is None:
        return None
    masks = {n: np.array(view.value(n, [False] * view.rank("x"))) for n in _MASKS}
    if masks["squeeze_mask"][0] or np.atleast_1d(stride)[0] != 1:
        return None
    for name in ("begin_mask", "end_mask"):
        masks[name] = np.concatenate([[True], masks[name][1:]])
    return dict(masks)


_MASKS = ("begin_mask", "end_mask", "squeeze_mask")


def slice_by_size(view: View) -> Change | None:
    """The first axis is taken whole: size −1 means everything up to the end."""
    begin, size = view.value("begin"), view.value("size")
    if not view.only("x") or begin is None or size is None or begin[0] not in (0, -1):
        return None
    return {"begin": np.array([0, *begin[1:]]), "size": np.array([-1, *size[1:]])}


def affine_scale(view: View) -> Change | None:
    """quantize and dequantize: one scale for all, or scales along another axis."""
    if not view.only("input"):
        return None
    axis = view.value("axis", -1 if view.rank("scale") == 0 else None)
    scalar = view.rank("scale") == 0
    return {} if scalar or (axis is not None and int(axis) % view.rank("input") != 0) else None


def rank_above(parameter: str, mixed: int) -> BatchRule:
    """The operation mixes the last `mixed` axes and keeps those before them separate."""

    def rule(view: View) -> Change | None:
        return {} if view.only(parameter) and view.rank(parameter) > mixed else None

    return rule
