"""Core ML: fewer bits for each kernel, through coremltools' own optimizations.

The kernels and their blocks are chosen here and passed to coremltools one by one: if it chose
them itself, it would also skip some, with a warning at most.

A palette: the few numbers that replace all weights of a kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from edgeconv.core import Scheme
from edgeconv.targets.coreml.package import blocks, dimensions
from edgeconv.targets.coreml.weights import KERNELS
from edgeconv.targets.file_graph import BITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_ROUNDS = 100
_BINS = 1024


def palette_of(values: Array, count: int) -> Array:
    """At most `count` float16 numbers with a small Σ (value − nearest)², ascending.

    In one dimension clusters are runs of the sorted values, so dynamic programming finds the best
    ones (Bellman, 1973; Wang and Song, 2011): here over a histogram, and then Lloyd's algorithm
    (1982) on all values. Nothing in it is random.
    """
    import numpy as np

    ordered = np.sort(values, axis=None).astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    points = _start(ordered, count)
    for _ in range(_ROUNDS):
        ends = np.searchsorted(ordered, (points[1:] + points[:-1]) / 2)
        edges = np.concatenate([[0], ends, [ordered.size]])
        counts = np.diff(edges)
        means = (sums[edges[1:]] - sums[edges[:-1]]) / np.maximum(counts, 1)
        moved = np.sort(np.where(counts > 0, means, points))
        if np.array_equal(moved, points):
            break
        points = moved
    return np.unique(points.astype(np.float16).astype(np.float64))


def _start(ordered: Array, n: int) -> Array:
    """Means of the best `n` runs of the histogram's bins."""
    import numpy as np

    counts, edges = np.histogram(ordered, _BINS)
    sums, _ = np.histogram(ordered, edges, weights=ordered)
    weight, total = counts[counts > 0].astype(np.float64), sums[counts > 0]
    w, s, q = (np.concatenate([[0], np.cumsum(x)]) for x in (weight, total, total**2 / weight))
    with np.errstate(divide="ignore", invalid="ignore"):
        # [i, j]: squared error of bins i … j − 1 as one cluster
        cost = q[None] - q[:, None] - (s[None] - s[:, None]) ** 2 / (w[None] - w[:, None])
    size = len(w)
    cost[np.tril_indices(size)] = np.inf
    least, cuts = cost[0], []
    for _ in range(min(n, size - 1) - 1):
        each = least[:, None] + cost
        cuts.append(each.argmin(0))
        least = each.min(0)
    ends = [size - 1]
    for cut in reversed(cuts):
        ends.append(int(cut[ends[-1]]))
    bounds = [0, *reversed(ends)]
    slopes: Array = np.diff(s[bounds]) / np.diff(w[bounds])
    return slopes


def nearest(palette: Array, values: Array) -> Array:
    """Each value's nearest number of an ascending palette."""
    import numpy as np

    nearest: Array = palette[np.searchsorted((palette[1:] + palette[:-1]) / 2, values)]
    return nearest


def encode(bits: int, kernel: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Table of 2^bits numbers, and flat indices, of a kernel with only these numbers and 0.

    A pruned kernel has zeros that are not stored: its table does not contain them, and their
    indices are arbitrary.

    Raises:
        ValueError: more numbers than the table has entries.
    """
    import numpy as np

    size = 1 << bits
    values = kernel.astype(np.float32).ravel()  # NumPy 2.4 sorts float16 wrongly on AVX-512
    numbers = np.unique(values)
    if numbers.size > size:
        numbers = numbers[numbers != 0]
    if numbers.size > size:
        raise ValueError(f"{numbers.size} numbers do not fit a table of {size}")
    table = np.concatenate([numbers, np.zeros(size - numbers.size)]).astype(kernel.dtype)
    indices = np.minimum(np.searchsorted(numbers, values), numbers.size - 1)
    return table, indices.astype(np.uint8)


SMALLEST, TINY, SHARE = 2_048, 400, 0.05
"""Kernels of at most so many numbers stay float16, as by coremltools' own default: about 4 KB,
often the last layer, which feels rounding most. A small network is made of such kernels: one that
has more than this share of all numbers is compressed too, down to the second number, below which a
table or scales eat what is saved."""

LARGEST_BLOCK = 32
"""int4: so many neighbouring input channels share a scale at most."""
_SMALLEST_BLOCK = 8  # below, the scales need as many bits as the weights


def compress(model: Any, scheme: Scheme) -> Any:
    """The model with its kernels in the form that the scheme requires.

    Pruning and the numbers of a palette are decided before the conversion
    (`targets/conversion/error_compensation.py`): here zeros are left out and numbers get their
    indices. Only `int8` and `int4` round here.

    Where none is large enough the model is returned as it is: what is true of a small kernel
    among others is true of a network of small kernels, and the export notes each of them.
    """
    import coremltools.optimize.coreml as cto

    kernels = _kernels(cto, model)
    if not kernels:
        return model
    if scheme.sparsity:
        config = cto.OpThresholdPrunerConfig(minimum_sparsity_percentile=0.0, weight_threshold=0)
        model = cto.prune_weights(model, _named(cto, dict.fromkeys(kernels, config)))
        kernels = _sparse(model)
    if scheme.weights.startswith("float"):
        return model
    make = cto.palettize_weights if scheme.palette else cto.linear_quantize_weights
    configs = {name: _config(cto, scheme, shape) for name, shape in kernels.items()}
    return make(model, _named(cto, configs), joint_compression=bool(scheme.sparsity))


def worth(elements: int, total: int) -> bool:
    """Whether a kernel of `elements` numbers is compressed in a network with `total` of them."""
    return elements > SMALLEST or elements > max(TINY, SHARE * total)


def block_size(channels: int) -> int:
    """The largest block of at most `LARGEST_BLOCK` that divides the channels; 0: the whole kernel.

    coremltools skips a kernel whose channels its block does not divide.
    """
    size = max(n for n in range(1, LARGEST_BLOCK + 1) if channels % n == 0)
    return size if size >= _SMALLEST_BLOCK else 0


def _kernels(cto: Any, model: Any) -> dict[str, tuple[int, ...]]:
    """Name → shape of every constant that is a kernel and large enough."""
    weights = cto.get_weights_metadata(model, weight_threshold=0)
    shapes = {
        name: tuple(data.val.shape)
        for name, data in weights.items()
        if data.val.ndim > 1 and all(_is_kernel(name, child) for child in data.child_ops)
    }
    total = sum(map(prod, shapes.values()))
    return {name: shape for name, shape in shapes.items() if worth(prod(shape), total)}


def _is_kernel(name: str, operation: Any) -> bool:
    """Whether an operation reads the constant of that name as a kernel."""
    parameters = {p for p, read in operation.params_name_mapping.items() if read == name}
    return bool(parameters) and parameters <= set(KERNELS.get(operation.op_type, ()))


def _sparse(model: Any) -> dict[str, tuple[int, ...]]:
    """Name → shape of pruned kernels: operations that distribute numbers among zeros."""
    shapes = {}
    for block in blocks(model.get_spec()):
        for op in block.operations:
            if op.type == "constexpr_sparse_to_dense":
                name = op.attributes["name"].immediateValue.tensor.strings.values[0]
                shapes[name] = dimensions(op.outputs[0].type.tensorType)
    return shapes


def _named(cto: Any, configs: Mapping[str, Any]) -> Any:
    """A configuration for these constants and no others."""
    return cto.OptimizationConfig(global_config=None, op_name_configs=dict(configs))


def _config(cto: Any, scheme: Scheme, shape: tuple[int, ...]) -> Any:
    if scheme.palette:
        table = partial(encode, BITS[scheme.weights])
        return cto.OpPalettizerConfig(mode="custom", lut_function=table, weight_threshold=0)
    quantizer = {"mode": "linear_symmetric", "dtype": scheme.weights, "weight_threshold": 0}
    block = block_size(shape[1]) if scheme.granularity == "per-block" else 0
    if block:
        return cto.OpLinearQuantizerConfig(granularity="per_block", block_size=block, **quantizer)
    return cto.OpLinearQuantizerConfig(granularity="per_channel", **quantizer)
