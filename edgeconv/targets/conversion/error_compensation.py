"""Pruned kernels and palettes that compensate for their own error.

Rounding each weight to the nearest number of a palette, or leaving the smallest out, is right for
the weight and wrong for the layer: errors of one output add up. Here the weights of an output are
quantized one after the other, and the weights that are still free compensate for the error that
each one makes on real windows (optimal brain surgeon: Hassibi and Stork, 1993; for whole layers
GPTQ: Frantar et al., 2022). In the end the bias absorbs the rest. Where weights are only
left out, the remaining ones need no rounding and are solved for at once, by least squares.

With A the inputs of a layer over the calibration windows (one row per position, a column of ones
for the bias), W its weights and bias, and H = AᵀA + λI, the outputs Y of the *float* network
give W* = H⁻¹(AᵀY + λW); where weights are left out, with the rows and columns of the
remaining ones. With U the upper Cholesky factor of H⁻¹, setting weight j to q leaves
W[k] −= U[j,k] · (W[j] − q) / U[j,j] for every k > j. A is taken from the network as compressed so
far, so that a layer compensates for the layers before it too. λ keeps weights unchanged that the
windows do not determine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from edgeconv.core import Scheme
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import KernelNode, Node, Value
from edgeconv.ir.numpy_interpreter import each_input
from edgeconv.targets.coreml.weight_compression import nearest, palette_of, worth
from edgeconv.targets.file_graph import BITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.ir.numpy_interpreter import Inputs

    Array = NDArray[np.float64]

DAMPING = 0.01
"""λ as a share of the mean of AᵀA's diagonal."""
ROWS = 10_000  # rows of A; more change little and cost time
INPUTS = 4_096  # layers with more inputs are rounded plainly: H would take too long to invert
_CHUNK = 50  # windows at once


def compensate(
    graph: Graph, windows: Inputs | None, scheme: Scheme
) -> tuple[Graph, tuple[str, ...]]:
    """The graph with large kernels pruned and rounded, and labels of the compensated layers.

    Args:
        windows: (n, …) of each input, of training subjects; None rounds every weight separately.
    """
    nodes: list[Node] = []
    compensated: list[str] = []
    # each value in the float network, and in the one compressed so far
    reference: dict[Value, Array] = {}
    current: dict[Value, Array] = {}
    if windows is not None:
        for value, array in zip(graph.inputs, each_input(windows), strict=True):
            reference[value] = current[value] = array.reshape(-1, *value.shape)
    total = graph.kernel_elements
    for node in graph.nodes:
        new = node
        large = {n: kernel for n, kernel in node.kernels.items() if worth(kernel.size, total)}
        source = next(iter(node.inputs))
        if large and isinstance(node, KernelNode) and source in current and _has_small_matrix(node):
            new = _compensated(node, reference[source], current[source], scheme)
            compensated.append(graph.label(node))
        elif large:
            rounded = {name: _rounded(kernel, scheme) for name, kernel in large.items()}
            new = node.with_kernels(rounded)
        nodes.append(new)
        if windows is not None:
            unchanged = new is node and all(reference[v] is current[v] for v in node.inputs)
            expected = _run(node, reference)
            reference |= expected
            current |= expected if unchanged else _run(new, current)
    return replace(graph, nodes=tuple(nodes)), tuple(compensated)


def _has_small_matrix(node: KernelNode) -> bool:
    """Whether every output is a product with the same, not too many inputs."""
    return node.is_matrix_product and len(node.kernel_matrix) <= INPUTS


def _mask(kernel: Array, scheme: Scheme) -> NDArray[np.bool_]:
    """True for all weights except the smallest ones, whose share the scheme leaves out."""
    import numpy as np

    mask = np.ones(kernel.size, bool)
    smallest = np.argsort(abs(kernel), axis=None, kind="stable")
    mask[smallest[: round(kernel.size * scheme.sparsity)]] = False
    return mask.reshape(kernel.shape)


def _rounded(kernel: Array, scheme: Scheme) -> Array:
    """Round every weight separately."""
    import numpy as np

    mask = _mask(kernel, scheme)
    if not scheme.palette:
        return np.where(mask, kernel, 0.0)
    palette = palette_of(kernel[mask], 1 << BITS[scheme.weights])
    return np.where(mask, nearest(palette, kernel), 0.0)


def _compensated(node: KernelNode, reference: Array, current: Array, scheme: Scheme) -> KernelNode:
    """The node with weights that compensate for each other's error on these inputs.

    Args:
        reference, current: what the node reads in the float network, and in the one compressed so
            far.
    """
    import numpy as np

    kernel = node.kernel_matrix
    before = np.vstack([kernel, node.bias])
    covariance, product = _moments(node, reference, current, before)
    diagonal = covariance.diagonal()
    damping = np.full(len(before), DAMPING * diagonal[:-1].mean())
    damping[-1] = DAMPING * diagonal[-1]  # the bias reads ones, whatever the size of the inputs
    covariance += np.diag(damping)
    product += damping[:, None] * before
    solve = _one_by_one if scheme.palette else _all_at_once
    weights = solve(covariance, product, kernel, scheme)
    return replace(node, kernel=weights[:-1].reshape(node.kernel.shape), bias=weights[-1])


def _one_by_one(covariance: Array, product: Array, kernel: Array, scheme: Scheme) -> Array:
    """Weights and bias, each weight set to 0 or to a number of the palette."""
    import numpy as np

    inverse = np.linalg.inv(covariance)
    if scheme.sparsity:
        weights = _all_at_once(covariance, product, kernel, scheme)
    else:
        weights = inverse @ product
    free = weights != 0  # what was left out stays out
    palette = palette_of(weights[:-1][free[:-1]], 1 << BITS[scheme.weights])
    factor = np.linalg.cholesky(inverse).T
    for j in range(len(kernel)):
        quantized = np.where(free[j], nearest(palette, weights[j]), 0.0)
        error = (weights[j] - quantized) / factor[j, j]
        weights[j] = quantized
        weights[j + 1 :] -= np.outer(factor[j, j + 1 :], error) * free[j + 1 :]
    return weights


def _all_at_once(covariance: Array, product: Array, kernel: Array, scheme: Scheme) -> Array:
    """Weights and bias where the remaining ones are free: least squares, one output at a time."""
    import numpy as np

    mask = np.vstack([_mask(kernel, scheme), np.ones(kernel.shape[1], bool)])
    weights = np.zeros_like(product)
    for i in range(kernel.shape[1]):
        (free,) = np.nonzero(mask[:, i])
        weights[free, i] = np.linalg.solve(covariance[np.ix_(free, free)], product[free, i])
    return weights


def _moments(
    node: KernelNode, reference: Array, current: Array, before: Array
) -> tuple[Array, Array]:
    """AᵀA and AᵀY over at most about `ROWS` positions, spread evenly over all windows."""
    import numpy as np

    positions = len(current) * len(node.matrix_rows(current[:1]))
    every = -(-positions // ROWS)
    covariance = np.zeros((len(before), len(before)))
    product = np.zeros_like(before)
    for start in range(0, len(current), _CHUNK):
        part = slice(start, start + _CHUNK)
        read = _with_ones(node.matrix_rows(current[part])[::every])
        outputs = _with_ones(node.matrix_rows(reference[part])[::every]) @ before
        covariance += read.T @ read
        product += read.T @ outputs
    return covariance, product


def _with_ones(rows: Array) -> Array:
    import numpy as np

    return np.hstack([rows, np.ones((len(rows), 1))])


def _run(node: Node, values: Mapping[Value, Array]) -> dict[Value, Array]:
    """The node's outputs."""
    import numpy as np

    inputs = [values[value] for value in node.inputs]
    parts = [
        node.evaluate_outputs(*(x[start : start + _CHUNK] for x in inputs))
        for start in range(0, len(inputs[0]), _CHUNK)
    ]
    outputs = zip(node.outputs, zip(*parts, strict=True), strict=True)
    return {value: np.concatenate(part) for value, part in outputs}
