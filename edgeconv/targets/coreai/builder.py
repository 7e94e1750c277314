"""Graph → a program of Core AI's operations, one node after the other.

Core AI wants channels first, as Core ML does, so that values lie as `Layout` places them. Every
operation carries the name of its value as a location, the only room that the format has for it;
constants are called after their layer. Nothing of this machine, of the day or of chance gets in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.layout import Layout
from edgeconv.ir.nodes import KerasLayer, KernelNode
from edgeconv.ir.nodes.node import Node, Range, Shape, Value
from edgeconv.targets.coreml.activation_quantization import scale_of
from edgeconv.targets.coreml.weight_compression import worth

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array

MAIN = "main"
Tensor = Any
"""A value of the program, as Apple's package has it."""
Lower = Callable[..., Any]
"""From the builder, the node and the tensors that it reads to its output, or to several."""
Store = Callable[["ProgramBuilder", str, "Array", int], Tensor]
"""From the builder, a name, a kernel and the axis of its outputs to the tensor that is read."""


class ProgramBuilder:
    """Builds a graph's operations.

    With `ranges`, of the inputs of kernels by their layers' labels, these become 8-bit integers.

    Attributes:
        dtype: in which floats are computed.
    """

    def __init__(
        self,
        graph: Graph,
        lowerings: Mapping[type[Node], Lower],
        dtype: str,
        store: Store,
        ranges: Mapping[str, Range] | None = None,
    ) -> None:
        import coreai.authoring  # noqa: F401 - the dialect can only be imported behind it
        from coreai._compiler import ir
        from coreai._compiler.dialects import coreai as dialect
        from coreai.authoring.context import Context

        self.graph = graph
        self.layout = Layout(graph, channels_first=True)
        self.dtype = dtype
        self._lowerings = lowerings
        self._store = store
        self._ranges = ranges or {}
        self._ir, self._dialect = ir, dialect
        self._context = Context()._mlir_context

    def write(self, outputs: tuple[str, ...], path: Path) -> None:
        """Build everything and write the folder.

        Raises:
            Unsupported: a layer that only Keras can compute.
        """
        from coreai._compiler._mlir_libs._coreaiIR._bindings.compiler import (
            run_pre_compilation_rewrite,
        )
        from coreai.authoring import AIProgram

        ir = self._ir
        with self._context, ir.Location.unknown():
            module = ir.Module.create()
            with ir.InsertionPoint(module.body):
                self._build(outputs)
            run_pre_compilation_rewrite(module=module)
            AIProgram._from_mlir_module(module).save_asset(path)

    def _build(self, outputs: tuple[str, ...]) -> None:
        from coreai.authoring.graph_builder import GraphOp

        graph = self.graph
        main = GraphOp(
            MAIN,
            [self.type((1, *value.shape), value.dtype) for value in graph.inputs],
            [self.type((1, *value.shape), value.dtype) for value in graph.outputs],
            [value.label for value in graph.inputs],
            list(outputs),
        )
        with main.block:
            tensors = {
                value: self.from_keras(x, value)
                for value, x in zip(graph.inputs, main.arguments, strict=True)
            }
            for node in graph.nodes:
                self._lower(node, tensors)
            results = [
                self.cast(self.to_keras(tensors[value], value.shape), value.dtype, name)
                for value, name in zip(graph.outputs, outputs, strict=True)
            ]
            self._dialect.output(results)

    def _lower(self, node: Node, tensors: dict[Value, Tensor]) -> None:
        if isinstance(node, KerasLayer):
            raise node.unsupported("cannot become operations of Core AI")
        if type(node) not in self._lowerings:
            raise Unsupported(
                f"layer '{node.label}' has no operations of Core AI",
                "replace it by layers that can be exported",
            )
        read = [tensors[value] for value in node.inputs]
        results = self._lowerings[type(node)](self, node, *read)
        several = results if isinstance(results, tuple) else (results,)
        tensors.update(zip(node.outputs, several, strict=True))

    # --- for lowerings ------------------------------------------------------------------------

    def name(self, node: Node) -> str:
        """The name of the operation that gives a node's result."""
        return self.graph.node_name(node)

    def part(self, node: Node, part: str) -> str:
        """The name of another operation or a weight of a node."""
        return f"{self.name(node)}_{part}"

    def op(self, kind: str, name: str, *operands: Any, **settings: Any) -> Tensor:
        """One operation, whose value is called `name`.

        Arrays among the operands are constants as they are, floats in the computing type.
        """
        with self._ir.Location.file(name, 0, 0):
            read = [self._operand(each) for each in operands]
            return getattr(self._dialect, kind)(*read, **settings)

    def _operand(self, given: Any) -> Tensor:
        import numpy as np

        if isinstance(given, float):
            return self._dialect.constant(np.array(self.representable(given), self.dtype))
        return self._dialect.constant(given) if isinstance(given, np.ndarray) else given

    def representable(self, number: float) -> float:
        """A number that the computing type can hold: one that is not zero stays unlike zero."""
        import numpy as np

        rounded = float(np.array(number, self.dtype))
        smallest = float(np.finfo(self.dtype).smallest_subnormal)
        return float(np.copysign(smallest, number)) if number and not rounded else rounded

    def kernel(self, name: str, array: Array, outputs: int) -> Tensor:
        """A kernel as the scheme stores it, in the computing type.

        Args:
            outputs: the axis of its outputs.
        """
        return self._store(self, name, array, outputs)

    def read(self, node: KernelNode, x: Tensor) -> Tensor:
        """What a node with a kernel reads: in the computing type, and rounded where that is asked
        for and the kernel is packed."""
        import numpy as np

        x = self.floats(x, self.part(node, "cast"))
        limits = self._ranges.get(self.graph.label(node))
        if limits is None or not worth(node.kernel.size, self.graph.kernel_elements):
            return x
        scale, axes = scale_of(limits), signed(*range(len(self.shape_of(x))))
        zero, nothing = np.array(0, np.int8), np.array(0, self.dtype)
        step = np.array(scale, self.dtype)
        name = self.part(node, "input_quantized")
        integers = self.op("quantize", name, x, step, zero, nothing, axes)
        name = self.part(node, "input_dequantized")
        return self.op("dequantize", name, integers, step, zero, nothing, axes)

    def zeros(self, shape: Shape, dtype: str) -> Tensor:
        """A constant of zeros, which takes no room."""
        ir = self._ir
        type_ = self.type(shape, dtype)
        element = type_.element_type
        floats = dtype.startswith("float")
        zero = ir.FloatAttr.get(element, 0.0) if floats else ir.IntegerAttr.get(element, 0)
        splat = ir.DenseElementsAttr.get_splat(type_, zero)
        return self._dialect.ConstantOp(value=splat).result

    def weight(self, name: str, array: Any, dtype: str = "") -> Tensor:
        """A constant with a name, in the computing type unless another is given."""
        import numpy as np

        stored = np.ascontiguousarray(array, dtype or self.dtype)
        return self.raw_weight(name, stored, stored.shape, str(stored.dtype))

    def raw_weight(self, name: str, data: Any, shape: Shape, dtype: str) -> Tensor:
        """A constant of bytes that are packed already."""
        resource = self._ir.DenseResourceElementsAttr.get_from_buffer(
            data, name, self.type(shape, dtype)
        )
        with self._ir.Location.file(name, 0, 0):
            return self._dialect.ConstantOp(value=resource).result

    def type(self, shape: Shape, dtype: str) -> Any:
        """A tensor's type."""
        ir = self._ir
        element = {
            "float32": ir.F32Type.get,
            "float16": ir.F16Type.get,
            "bool": lambda: ir.IntegerType.get_signless(1),
        }.get(dtype)
        if element is None:
            make = ir.IntegerType.get_unsigned if dtype[0] == "u" else ir.IntegerType.get_signed
            bits = int(dtype.lstrip("uint"))
            return ir.RankedTensorType.get(list(shape), make(bits))
        return ir.RankedTensorType.get(list(shape), element())

    def shape_of(self, x: Tensor) -> Shape:
        """The shape of a tensor."""
        return tuple(self._ir.RankedTensorType(x.type).shape)

    def cast(self, x: Tensor, dtype: str, name: str) -> Tensor:
        """The tensor in another type; itself where it has that type."""
        import numpy as np

        wanted = self.type(self.shape_of(x), dtype)
        if x.type == wanted:
            return x
        return self.op("cast", name, x, dtype=np.dtype(dtype).type)

    def floats(self, x: Tensor, name: str) -> Tensor:
        """The tensor in the computing type."""
        return self.cast(x, self.dtype, name)

    def reshape(self, x: Tensor, shape: Shape, name: str) -> Tensor:
        """The same numbers in another shape."""
        import numpy as np

        if self.shape_of(x) == tuple(shape):
            return x
        return self.op("reshape", name, x, np.array(shape, np.uint32))

    def transpose(self, x: Tensor, order: Shape, name: str) -> Tensor:
        """The axes in another order."""
        import numpy as np

        if tuple(order) == tuple(range(len(order))):
            return x
        return self.op("transpose", name, x, np.array(order, np.uint32))

    def to_keras(self, x: Tensor, shape: Shape, name: str = "") -> Tensor:
        """A value as Keras has it: (1, *shape)."""
        name = name or "keras_order"
        return self.reshape(self.channels_last(x, shape, name), (1, *shape), name)

    def channels_last(self, x: Tensor, shape: Shape, name: str) -> Tensor:
        """A value with its numbers in Keras' order, whatever the axes before the channels are."""
        if not self.layout.transposes(shape):
            return x
        return self.transpose(x, (0, 2, 3, 1), name)

    def from_keras(self, x: Tensor, value: Value) -> Tensor:
        """A value of Keras, with its numbers in Keras' order, as this layout has it."""
        placed = self.layout.placed(value.shape)
        name = self.graph.names[value]
        x = self.reshape(x, placed, f"{name}_steps" if len(placed) == 4 else name)
        return self.transpose(x, (0, 3, 1, 2), name) if len(placed) == 4 else x


class Named:
    """Operations that all bear one name."""

    def __init__(self, builder: ProgramBuilder, name: str) -> None:
        self.builder, self._name = builder, name

    def __call__(self, kind: str, *operands: Any, **settings: Any) -> Tensor:
        return self.builder.op(kind, self._name, *operands, **settings)

    def channels(self, x: Tensor) -> int:
        """The axis over which a softmax runs."""
        return 1 if len(self.builder.shape_of(x)) == 4 else -1


def cut(builder: ProgramBuilder, x: Tensor, first: Any, end: Any, step: Any, name: str) -> Tensor:
    """Some positions of each axis."""
    shape = builder.shape_of(x)
    if tuple(end) == shape and not any(first) and set(step) == {1}:
        return x
    return builder.op("slice_", name, x, signed(*first), signed(*end), signed(*step))


def pad(
    builder: ProgramBuilder, x: Tensor, widths: list[tuple[int, int]], fill: float, name: str
) -> Tensor:
    """Numbers around the others: how many before and after them, for each axis."""
    numbers = [n for width in widths for n in width]
    if not any(numbers):
        return x
    return builder.op("pad", name, x, unsigned(*numbers), fill)


def unsigned(*numbers: int) -> Any:
    """Sizes, strides and counts, which Core AI takes as uint32."""
    import numpy as np

    return np.array(numbers, np.uint32)


def signed(*numbers: int) -> Any:
    """Axes and positions, which Core AI takes as int32."""
    import numpy as np

    return np.array(numbers, np.int32)
