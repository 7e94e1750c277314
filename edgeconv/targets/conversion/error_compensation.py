"""Pruned kernels and palettes that make up for their own error.

Rounding each weight to the nearest number of a palette, or leaving the smallest out, is right for
the weight and wrong for the layer: errors of one output add up. Here the weights of an output are
settled one after the other, and what each one gets wrong on real windows is made up for by those
that are still free (optimal brain surgeon: Hassibi and Stork, 1993; for whole layers GPTQ: Frantar
et al., 2022). In the end the bias takes what is left over. Where weights are only left out, those
that stay need no rounding and are solved for at once, by least squares.

With A the inputs of a layer over the calibration windows (a row a position, a column of ones for
the bias), W its weights and bias, and H = AᵀA + λI, the wanted outputs Y of the *float* network
give W* = H⁻¹(AᵀY + λW); where weights are left out, with the rows and columns of those that stay.
With U the upper Cholesky factor of H⁻¹, settling weight j at q leaves
W[k] −= U[j,k] · (W[j] − q) / U[j,j] for every k > j. A is taken from the network as compressed so
far, so that a layer makes up for the layers before it too. λ keeps weights that the windows say
nothing of where they were.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgeconv.core import Scheme
from edgeconv.ir.graph import Conv, Dense, Depthwise, Layer, Plan
from edgeconv.ir.numpy_interpreter import apply, taps_of
from edgeconv.targets.coreml.palette import nearest, palette_of
from edgeconv.targets.coreml.weight_compression import worth
from edgeconv.targets.file_graph import BITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

DAMPING = 0.01
"""λ as a share of the mean of AᵀA's diagonal."""
ROWS = 10_000  # positions that A is made of; more change little and cost time
INPUTS = 4_096  # layers with more inputs are rounded plainly: H would take too long to invert
_CHUNK = 50  # windows at once


def refit(plan: Plan, windows: Array | None, scheme: Scheme) -> tuple[Plan, tuple[str, ...]]:
    """The plan with large kernels pruned and rounded, and names of the layers that make up for it.

    Args:
        windows: (n, features) of training people; None rounds every weight for itself.
    """
    layers: list[Layer] = []
    made_up: list[str] = []
    # what the next layer reads in the float network, and in the one compressed so far
    read: tuple[Array, Array] | None = None
    if windows is not None:
        shaped = windows.reshape(-1, *plan.input_shape)
        read = (shaped, shaped)
    total = plan.kernel_elements
    for layer in plan.layers:
        made = layer
        if isinstance(layer, Conv | Depthwise | Dense) and worth(layer.kernel.size, total):
            if read is not None and not isinstance(layer, Depthwise) and _has_matrix(layer):
                made = _made_up(layer, *read, scheme)
                made_up.append(layer.name)
            else:
                made = replace(layer, kernel=_rounded(layer.kernel, scheme))
        layers.append(made)
        if read is not None:
            wanted = _run(layer, read[0])
            same = made is layer and read[0] is read[1]
            read = (wanted, wanted if same else _run(made, read[1]))
    return plan.with_layers(layers), tuple(made_up)


def _has_matrix(layer: Conv | Dense) -> bool:
    """Whether every output of the layer is a product with the same, not too many inputs."""
    if isinstance(layer, Conv) and layer.groups > 1:
        return False
    return bool(layer.kernel.size // layer.kernel.shape[-1] <= INPUTS)


def _kept(kernel: Array, scheme: Scheme) -> NDArray[np.bool_]:
    """All of the weights but the share of the smallest that the scheme leaves out."""
    import numpy as np

    kept = np.ones(kernel.size, bool)
    smallest = np.argsort(abs(kernel), axis=None, kind="stable")
    kept[smallest[: round(kernel.size * scheme.sparsity)]] = False
    return kept.reshape(kernel.shape)


def _rounded(kernel: Array, scheme: Scheme) -> Array:
    """Every weight for itself."""
    import numpy as np

    kept = _kept(kernel, scheme)
    if not scheme.palette:
        return np.where(kept, kernel, 0.0)
    palette = palette_of(kernel[kept], 1 << BITS[scheme.weights])
    return np.where(kept, nearest(palette, kernel), 0.0)


def _made_up(layer: Conv | Dense, wanted: Array, got: Array, scheme: Scheme) -> Conv | Dense:
    """The layer with weights that make up for each other on these inputs.

    Args:
        wanted, got: what the layer reads in the float network, and in the one compressed so far.
    """
    import numpy as np

    kernel = _matrix(layer)
    before = np.vstack([kernel, layer.bias])
    covariance, product = _moments(layer, wanted, got, before)
    diagonal = covariance.diagonal()
    damping = np.full(len(before), DAMPING * diagonal[:-1].mean())
    damping[-1] = DAMPING * diagonal[-1]  # the bias reads ones, whatever the size of the inputs
    covariance += np.diag(damping)
    product += damping[:, None] * before
    settle = _one_by_one if scheme.palette else _all_at_once
    weights = settle(covariance, product, kernel, scheme)
    return replace(layer, kernel=weights[:-1].reshape(layer.kernel.shape), bias=weights[-1])


def _one_by_one(covariance: Array, product: Array, kernel: Array, scheme: Scheme) -> Array:
    """Weights and bias, each weight settled at 0 or at a number of the palette."""
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
        settled = np.where(free[j], nearest(palette, weights[j]), 0.0)
        error = (weights[j] - settled) / factor[j, j]
        weights[j] = settled
        weights[j + 1 :] -= np.outer(factor[j, j + 1 :], error) * free[j + 1 :]
    return weights


def _all_at_once(covariance: Array, product: Array, kernel: Array, scheme: Scheme) -> Array:
    """Weights and bias where those that stay are free: least squares, an output at a time."""
    import numpy as np

    kept = np.vstack([_kept(kernel, scheme), np.ones(kernel.shape[1], bool)])
    weights = np.zeros_like(product)
    for i in range(kernel.shape[1]):
        (free,) = np.nonzero(kept[:, i])
        weights[free, i] = np.linalg.solve(covariance[np.ix_(free, free)], product[free, i])
    return weights


def _matrix(layer: Conv | Dense) -> Array:
    """The kernel as (inputs, outputs)."""
    return layer.kernel.reshape(-1, layer.kernel.shape[-1])


def _moments(layer: Conv | Dense, wanted: Array, got: Array, before: Array) -> tuple[Array, Array]:
    """AᵀA and AᵀY over at most about `ROWS` positions, spread evenly over all windows."""
    import numpy as np

    positions = len(got) * len(_rows(layer, got[:1]))
    every = -(-positions // ROWS)
    covariance = np.zeros((len(before), len(before)))
    product = np.zeros_like(before)
    for start in range(0, len(got), _CHUNK):
        part = slice(start, start + _CHUNK)
        read = _with_ones(_rows(layer, got[part])[::every])
        outputs = _with_ones(_rows(layer, wanted[part])[::every]) @ before
        covariance += read.T @ read
        product += read.T @ outputs
    return covariance, product


def _rows(layer: Conv | Dense, x: Array) -> Array:
    """Everything that makes up one output position, a row each: (positions, inputs)."""
    import numpy as np

    if isinstance(layer, Dense):
        return x
    seen = taps_of(x, layer.kernel.shape[0], layer.stride, layer.dilation, layer.padding, 0.0)
    return np.moveaxis(seen, 3, 2).reshape(-1, seen.shape[2] * seen.shape[3])


def _with_ones(rows: Array) -> Array:
    import numpy as np

    return np.hstack([rows, np.ones((len(rows), 1))])


def _run(layer: Layer, x: Array) -> Array:
    import numpy as np

    return np.concatenate([apply(layer, x[i : i + _CHUNK]) for i in range(0, len(x), _CHUNK)])
