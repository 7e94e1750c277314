"""Core ML: 8-bit activations, as `quantize` → `dequantize` before each compressed kernel.

That is the layout in which coremltools quantizes activations, which a runtime may turn into
integer arithmetic. Its calibration is not used: it needs `predict`, which exists on a Mac only, and
in coremltools 9.0 it keeps only the range of the last sample. Our own pass over the converted
program inserts the pairs, with ranges that this package has measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.calibration import INT8_SYMMETRIC
from edgeconv.ir.graph import Graph
from edgeconv.targets.coreml.weight_compression import worth

if TYPE_CHECKING:
    Range = tuple[float, float]

_STEP_NAME = "edgeconv::quantize_activations"
_WITH_KERNEL = ("conv", "linear")
_STEPS = 127  # −127 … 127, with 0 in the middle


def pipeline(graph: Graph, ranges: Mapping[str, Range]) -> Any:
    """coremltools' usual passes, followed by ours.

    Args:
        ranges: the range of the input of each layer with a kernel, by the layer's label.
    """
    import coremltools as ct

    _register()
    total = graph.kernel_elements
    kernels = [
        (node.kernel.size, ranges[graph.label(node)])
        for node in graph.kernel_nodes
        if worth(node.kernel.size, total)
    ]
    passes = ct.PassPipeline()
    passes.append_pass(_STEP_NAME)
    passes.set_options(_STEP_NAME, {"kernels": kernels})
    return passes


def scale_of(limits: Range) -> float:
    """The size of one step, rounded up to a float16 so that the range is not clipped."""
    import numpy as np

    high = INT8_SYMMETRIC.span(*limits)[1]
    exact = high / _STEPS
    scale = np.float16(exact)
    if float(scale) < exact:
        scale = np.nextafter(scale, np.float16(np.inf))
    return float(scale) or 1.0  # all values are zero, so that any step is right


def _register() -> None:
    """Register the pass with coremltools, once per process."""
    from coremltools.converters.mil.mil.passes.graph_pass import AbstractGraphPass
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY, register_pass

    if _STEP_NAME in PASS_REGISTRY:
        return
    namespace, name = _STEP_NAME.split("::")

    class QuantizeActivations(AbstractGraphPass):  # type: ignore[misc]  # coremltools is untyped
        """Inserts pairs before the kernels of `kernels`, [(elements, range)], in program order."""

        kernels: Sequence[tuple[int, Range]] = ()

        def apply(self, prog: Any) -> None:
            for function in prog.functions.values():
                insert_pairs(function, self.kernels)

    register_pass(namespace, name=name)(QuantizeActivations)


def insert_pairs(function: Any, kernels: Sequence[tuple[int, Range]]) -> None:
    """Quantize and dequantize the input of each kernel's operation.

    Raises:
        Unsupported: the converter did not create one operation for each kernel.
    """
    remaining = list(kernels)
    for op in list(function.operations):
        kernel = getattr(op, "weight", None) if op.op_type in _WITH_KERNEL else None
        size = None if kernel is None or kernel.val is None else kernel.val.size
        if remaining and size == remaining[0][0]:
            _insert(function, op, scale_of(remaining.pop(0)[1]))
    if remaining:
        raise Unsupported(
            f"w8a8: {len(remaining)} of {len(kernels)} large layers are not separate operations in "
            "the Core ML program",
            "use int8, which keeps float16 activations",
        )


def _insert(function: Any, op: Any, scale: float) -> None:
    import numpy as np
    from coremltools.converters.mil import Builder as mb  # noqa: N813  # its name everywhere
    from coremltools.converters.mil.mil import types

    dtype = np.float16 if op.x.dtype == types.fp16 else np.float32
    step = dtype(scale)
    with function:
        quantized = mb.quantize(
            input=op.x,
            scale=step,
            output_dtype="int8",
            before_op=op,
            name=f"{op.name}_input_quantized",
        )
        dequantized = mb.dequantize(
            input=quantized, scale=step, before_op=op, name=f"{op.name}_input_dequantized"
        )
        function.replace_uses_of_var_after_op(
            anchor_op=dequantized.op, old_var=op.x, new_var=dequantized, end_op=op
        )
