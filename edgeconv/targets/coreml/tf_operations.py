"""TensorFlow operations that Keras uses and coremltools 9.0 cannot read, in operations it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def register() -> None:
    """Teach coremltools these operations, once per process."""
    from coremltools.converters.mil.frontend.tensorflow.tf_op_registry import (
        _TF_OPS_REGISTRY,
        register_tf_op,
    )

    for name, convert in _OPERATIONS.items():
        if name not in _TF_OPS_REGISTRY:
            register_tf_op(convert, tf_alias=[name])


def _erfc(context: Any, node: Any) -> None:
    """1 − erf(x): the complement that `tf.nn.gelu` computes with."""
    from coremltools.converters.mil import Builder as mb  # noqa: N813  # its name everywhere

    (x,) = (context[name] for name in node.inputs)
    context.add(node.name, mb.sub(x=1.0, y=mb.erf(x=x), name=node.name))


def _roll(context: Any, node: Any) -> None:
    """The end of each axis before its beginning."""
    from coremltools.converters.mil import Builder as mb  # noqa: N813  # its name everywhere

    x, shift, axis = (context[name] for name in node.inputs)
    pairs = list(zip(axis.val.reshape(-1), shift.val.reshape(-1), strict=True))
    for i, (at, steps) in enumerate(pairs):
        last = {"name": node.name} if i == len(pairs) - 1 else {}
        parts = _parts(mb, x, int(at), int(steps))
        x = mb.concat(values=parts, axis=int(at), **last)
    context.add(node.name, x)


def _parts(mb: Any, x: Any, axis: int, steps: int) -> list[Any]:
    size = x.shape[axis]
    cut = -steps % size
    begin, end = [0] * x.rank, list(x.shape)
    front = mb.slice_by_index(x=x, begin=begin, end=[*end[:axis], cut, *end[axis + 1 :]])
    back = mb.slice_by_index(x=x, begin=[*begin[:axis], cut, *begin[axis + 1 :]], end=end)
    return [back, front] if cut else [back]


_OPERATIONS: Mapping[str, Callable[[Any, Any], None]] = {"Erfc": _erfc, "Roll": _roll}
