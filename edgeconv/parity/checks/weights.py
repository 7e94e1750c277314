"""Compare the weights of an artifact with those of its Keras model, folded as for the export.

Compare a file's weights with the trained ones, within what its number format rounds.

Outputs cannot show everything: a channel of an 8-bit file that its converter broke may cost less
than the gates of 8 bits allow, and golden vectors recorded from such a file find nothing. The
weights themselves can: rounding moves none by more than half a step.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import (
    Artifact,
    Bundle,
    Check,
    Contract,
    InputConvention,
    Signal,
    Status,
    Tensors,
)
from edgeconv.core.paths import sha256
from edgeconv.errors import Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.layout import Layout
from edgeconv.ir.model_inputs import inputs_of
from edgeconv.ir.nodes import Activation, Node, Reshape, TransposedConv
from edgeconv.ir.nodes.operators import Embedding
from edgeconv.ir.nodes.recurrent import Recurrent
from edgeconv.ir.stored_model import read_stored
from edgeconv.ir.tf_lowering import constants_of
from edgeconv.ir.tf_recurrent import STEPS
from edgeconv.parity.artifact_run import ArtifactRun
from edgeconv.parity.checks.base import ParityCheck
from edgeconv.parity.context import ParityContext, source_model
from edgeconv.targets.base import StoredConstant, StoredLayer, find_target, scheme_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NAME = "weights"
LIMIT = 1.05
"""Half steps; rounding explains 1, float32 arithmetic with scales a little more."""
_HALF_STEPS = {"int8": 127, "int16": 32_767}  # steps from 0 to the largest magnitude
_FLOAT32 = 2.0**-20  # of a channel's largest: one rounding is 2^-24, folding sums a few
_FLOAT16 = (2.0**-11, 2.0**-25)  # half a unit in the last place: relative, and among subnormals


_ADDED = r"(_cast_fp16|_values|_float)?(_\d+)?$"
_PART = r"_(conv|matmul|bias|linear)\d*$"


@dataclass(frozen=True, eq=False)
class Pair:
    """Trained numbers and a file's, of one shape with the output channel last.

    Attributes:
        what: `kernel` or `bias`.
        dtype: as the file stores them.
        per_channel: whether each output channel has its own step.
        steps: of integers whose step says nothing of their range (biases), one a channel or one.
        half: the numbers were float16 before they became integers, and so are the scales.
    """

    layer: str
    what: str
    trained: Array
    stored: Array
    dtype: str
    per_channel: bool = True
    steps: Array | None = None
    half: bool = False


def check_weights(pairs: Sequence[Pair]) -> Check:
    """The largest deviation of all in half steps; the reason names layer and channel."""
    import numpy as np

    worst, where = 0.0, ""
    for pair in pairs:
        off = np.abs(pair.stored - pair.trained) / tolerance(pair)
        off = np.where(np.isfinite(off), off, np.inf).reshape(-1, off.shape[-1]).max(axis=0)
        if off.max(initial=0.0) > worst:
            channel = int(off.argmax())
            worst = float(off[channel])
            several = int((off > LIMIT).sum())
            where = f"{pair.what} of '{pair.layer}', output channel {channel}" + (
                f" and {several - 1} more" if several > 1 else ""
            )
    if worst <= LIMIT:
        return Check(NAME, Status.PASSED, worst, LIMIT, "<=")
    distance = f"{worst:.4g} half steps" if np.isfinite(worst) else "not finite or far"
    reason = f"{where}: {distance} from the trained weights; rounding explains 1"
    value = worst if np.isfinite(worst) else None
    return Check(NAME, Status.FAILED, value, LIMIT, "<=", reason)


def tolerance(pair: Pair) -> Array:
    """Half a step of the file's number format for each of the trained numbers.

    Of integers it follows from the *trained* weights, ± the largest of a channel in 127 steps: a
    step that the file itself names would excuse any error.
    """
    import numpy as np

    size = np.abs(pair.trained)
    channels = tuple(range(size.ndim - 1))
    largest = size.max(axis=channels if pair.per_channel else None, keepdims=True)
    tiny = max(float(size.max(initial=0.0)), 1.0) * 1e-7
    if pair.steps is not None:
        return np.asarray(np.broadcast_to(pair.steps / 2, size.shape) + largest * 1e-6 + tiny)
    if pair.dtype in _HALF_STEPS:
        rounded = 2 * _FLOAT16[0] * size if pair.half else 0 * size
        return np.asarray(largest / _HALF_STEPS[pair.dtype] / 2 + 1e-12 + rounded)
    if pair.dtype == "float16":
        return np.asarray(size * _FLOAT16[0] + _FLOAT16[1] + largest * 1e-6)
    return np.asarray(np.broadcast_to(largest * _FLOAT32 + tiny, size.shape))


def _judge(context: ParityContext, run: ArtifactRun) -> Iterator[Check]:
    return weight_checks(context.bundle, run.artifact)


def weight_checks(bundle: Bundle, artifact: Artifact) -> Iterator[Check]:
    """The check of an artifact's weights; none for a scheme that moves weights on purpose.

    `not_run`, with the layer's name, where a kernel cannot be compared: what the others say, only
    a failure tells.
    """
    scheme = scheme_in(artifact)
    if scheme is None or not scheme.only_rounds_weights:
        return
    try:
        pairs, left = _pairs(bundle, artifact)
    except Unsupported as error:
        pairs, left = [], str(error).splitlines()[0]
    check = check_weights(pairs)
    if check.status is Status.PASSED and left:
        count = sum("bias" not in pair.what for pair in pairs)
        reason = f"not every kernel was compared ({count} are within rounding): {left}"
        check = Check(NAME, Status.NOT_RUN, None, None, "<=", reason)
    yield check


@lru_cache(maxsize=4)
def _graph(path: Path, digest: str, contract: Contract, sensor: InputConvention) -> Graph:  # noqa: ARG001 (part of the key)
    """Of exactly these bytes. Raises Unsupported where only Keras can read them."""
    expects = contract.sensor if isinstance(contract, Signal) else InputConvention.NORMALIZED
    sizes = [contract.flat_size] if isinstance(contract, Signal) else _sizes(contract)
    return inputs_of(contract, expects).in_file(read_stored(path, sizes), sensor)


def _sizes(contract: Tensors) -> list[int]:
    return [tensor.size for tensor in contract.inputs]


def _pairs(bundle: Bundle, artifact: Artifact) -> tuple[list[Pair], str]:
    """What can be compared, and why a layer cannot; empty where all of them can."""
    path = source_model(bundle, artifact)
    signal = artifact.contract if isinstance(artifact.contract, Signal) else Signal()
    graph = _graph(path, sha256(path), bundle.model.contract, signal.sensor)
    target = find_target(artifact.target)
    stored = target.reader.layer_constants(artifact.path)
    if stored is None:
        return [], "the file stores a kernel in a way that has no bound for each number"
    layout = Layout(graph, target.conversion.channels_first)
    kernels = [layer for layer in stored if layer.constants.keys() <= {"kernel", "bias"}]
    pairs: list[Pair] = []
    waiting = [_Trained.of(graph, node) for node in graph.nodes if isinstance(node, _WHOLE)]
    layers = matched(graph, kernels)
    for node, layer in zip(graph.kernel_nodes, layers, strict=True):
        label, trained = graph.label(node), constants_of(layout, node)
        sizes = {} if layer is None else {n: c.values.size for n, c in layer.constants.items()}
        if layer is None or any(size != trained[what].size for what, size in sizes.items()):
            kernel = _channel_last(node, trained["kernel"])
            waiting.append(_Trained(label, {"kernel": kernel}, _names(graph, node)))
            continue
        pairs += (
            _pair(
                label,
                what,
                _channel_last(node, trained[what]),
                _channel_last(node, constant.values.reshape(trained[what].shape)),
                constant,
            )
            for what, constant in layer.constants.items()
        )
    claimed = {id(layer) for layer in layers}
    more, left = _by_numbers(waiting, [layer for layer in stored if id(layer) not in claimed])
    return pairs + more, "; ".join(left)


def _pair(label: str, what: str, trained: Array, stored: Array, constant: StoredConstant) -> Pair:
    return Pair(
        label,
        what,
        trained,
        stored,
        constant.dtype,
        constant.per_channel,
        constant.steps,
        half=constant.from_float16,
    )


_WHOLE = (Recurrent, Embedding)
"""Nodes whose weights a file may spread over several operations, or keep under no name."""


@dataclass(frozen=True, eq=False)
class _Trained:
    """Weights of a layer that no name leads to, and how names inside it begin."""

    label: str
    arrays: Mapping[str, Array]
    names: Collection[str]

    @classmethod
    def of(cls, graph: Graph, node: Node) -> _Trained:
        return cls(graph.label(node), dict(node.arrays()), [f"{graph.node_name(node)}_{STEPS}"])

    def takes(self, what: str, name: str, constant: StoredConstant) -> bool:
        """Whether numbers of a file may be its array `what`."""
        array, values = self.arrays[what], constant.values
        alike = name == what or (name == "kernel" and what == "recurrent_kernel")
        return alike and array.size == values.size and array.shape[-1] == values.shape[-1]


def _by_numbers(
    waiting: Sequence[_Trained], rest: Sequence[StoredLayer]
) -> tuple[list[Pair], list[str]]:
    """Pairs of weights that no name leads to, each with the nearest numbers of its shape.

    Numbers of layers that were trained apart have nothing in common, so a channel that is broken
    leaves the others near. Two layers that were exchanged are not found; their outputs tell.

    Returns:
        The pairs, and why a layer has none.
    """
    import numpy as np

    stored = [(layer.name, *item) for layer in rest for item in layer.constants.items()]
    distances = []
    for at, each in enumerate(waiting):
        for what, array in each.arrays.items():
            for number, (_, name, constant) in enumerate(stored):
                if each.takes(what, name, constant):
                    off = np.abs(constant.values.reshape(array.shape) - array)
                    distances.append((float(np.median(off)), at, what, number))
    nearest: dict[tuple[int, str], int] = {}
    pairs, left = [], []
    for _, at, what, number in sorted(distances):
        taken = number in nearest.values()
        copy = (at, what) in nearest and _inside(stored[number][0], waiting[at].names)
        if taken or ((at, what) in nearest and not copy):
            continue
        nearest.setdefault((at, what), number)
        trained, constant = waiting[at].arrays[what], stored[number][2]
        values = constant.values.reshape(trained.shape)
        pairs.append(_pair(waiting[at].label, what, trained, values, constant))
    for at, each in enumerate(waiting):
        missing = [w for w in each.arrays if "bias" not in w and (at, w) not in nearest]
        if missing:
            left.append(f"the file does not show the {' and '.join(missing)} of '{each.label}'")
    return pairs, left


def _inside(given: str, names: Collection[str]) -> bool:
    """Whether a name of a file is that of an operation inside a layer."""
    return any(piece.startswith(name) for piece in re.split("[;/:]", given) for name in names)


def _channel_last(node: Node, values: Array) -> Array:
    """With the output channel last; a transposed convolution's kernel ends in its input's."""
    turned = isinstance(node, TransposedConv) and values.ndim > 1
    return values.swapaxes(-1, -2) if turned else values


def matched(graph: Graph, stored: Sequence[StoredLayer]) -> list[StoredLayer | None]:
    """The file's layer of each node with a kernel, in computed order; None where it is not clear.

    Where each node reads the one before, both sides have one order. In a graph with branches
    names decide: converters keep a node's name, and add parts to it. A name that fits several
    layers decides nothing.
    """
    nodes = graph.kernel_nodes
    chain = all(len(n.inputs) < 2 for n in graph.nodes) and all(
        len(graph.consumers(value)) < 2 for value in graph.values
    )
    if chain and len(nodes) == len(stored):
        return list(stored)
    names = [_names(graph, node) for node in nodes]
    taken = frozenset(map(str.lower, graph.names.values()))
    owners = [
        {i for i, aliases in enumerate(names) if _bears(layer.name, aliases, taken)}
        for layer in stored
    ]
    found_layers: list[StoredLayer | None] = []
    for i in range(len(nodes)):
        candidates = [layer for layer, owner in zip(stored, owners, strict=True) if owner == {i}]
        found_layers.append(candidates[0] if len(candidates) == 1 else None)
    return found_layers


def _names(graph: Graph, node: Node) -> set[str]:
    """Of a node, values inside it, and activations that a converter may fuse with it."""
    names = {graph.node_name(node), *(graph.names[value] for value in node.inner)}
    after = graph.only_consumer(node.output)
    while isinstance(after, Activation | Reshape):
        names.add(graph.node_name(after))
        after = graph.only_consumer(after.output)
    return names


def _bears(given: str, names: Collection[str], taken: Collection[str]) -> bool:
    """Whether a value's name in a file is one of a node's, or that of a part of the node.

    `conv1;conv1_bias;conv1_conv` (TFLite, operations fused), `conv1_cast_fp16` (Core ML).
    """
    for piece in re.split("[;/:]", given):
        plain = re.sub(_ADDED, "", piece)
        whole = next((each for each in (piece, plain) if each.lower() in taken), "")
        if (whole or re.sub(_PART, "", plain)) in names:
            return True
    return False


CHECK = ParityCheck((NAME,), _judge)
