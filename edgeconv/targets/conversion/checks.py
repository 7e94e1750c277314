"""Is a converted file what it should be? Every test of it that needs no converter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import SCHEMES, Target
from edgeconv.core.digest import size
from edgeconv.errors import BadInput
from edgeconv.targets import files
from edgeconv.targets.coreml import weights
from edgeconv.targets.coreml.program import read_program
from edgeconv.targets.coreml.weight_compression import SMALLEST
from edgeconv.targets.file_graph import BITS, Graph
from edgeconv.targets.tflite import reader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kernel = tuple[str, int, float]  # name, elements, sum of magnitudes

_LAYOUT = ("transpose", "reshape", "expand_dims", "squeeze")
_RESOURCE = ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE")
PLAN_LIMIT = 1e-4  # probabilities; float32 Keras against float64 NumPy differs by about 1e-6

# Largest and mean difference of a probability from float that a healthy conversion shows. Float32
# differs by rounding only. The others are wide: parity judges precision, this finds broken files.
# At 2 bits and fewer, or with weights left out and no recordings to make up for it, a sound
# conversion may lose the task altogether: then shape, finiteness and the kernels must do.
_ANY = (1.0, 1.0)
LIMITS: dict[Target, dict[str, tuple[float, float]]] = {
    Target.TFLITE: {
        "float32": (1e-4, 1e-4),
        "float16": (0.05, 0.01),
        "dynamic": (0.5, 0.05),
        "int8": (0.8, 0.06),
        "int4": (0.9, 0.1),
        "int16x8": (0.5, 0.05),
    },
    Target.COREML: {
        "float32": (1e-4, 1e-4),
        "float16": (0.05, 0.01),
        "int8": (0.5, 0.05),
        "int4": (0.8, 0.06),
        "w8a8": (0.8, 0.06),
        "palette8": (0.5, 0.05),
        "palette6": (0.8, 0.06),
        "palette4": (0.9, 0.1),
        "palette3": (1.0, 0.2),
        "palette2": _ANY,
        "palette1": _ANY,
        "pruned50": _ANY,
        "pruned75": _ANY,
        "pruned50-int8": _ANY,
        "pruned75-int8": _ANY,
        "pruned50-palette4": _ANY,
        "pruned75-palette4": _ANY,
    },
}

# How far the sum of a kernel's magnitudes may move, as a share. Rounding to float16 changes one
# value by 2^-11 at most, and a sum by less; a palette's numbers are float16 already. Where integers
# are rounded to, errors cancel but for weights near 0: `har` moved by 0.02 % at 8 bits, 1.2 % at 4.
_SUM_LIMITS = {"int8": 5e-3, "int4": 0.05}
_SUM_LIMIT = 1e-3


def check_structure(
    path: Path,
    scheme: str,
    kernels: Sequence[Kernel],
    layout_changes: int,
    float_layers: Sequence[str] = (),
) -> dict[str, Any]:
    """Size, operations and weights of a file; what was found, for the manifest.

    `float_layers` are those that were meant to stay float in a file of integers.

    For a scheme that compresses, `compressed_layers` names those that really are, and
    `uncompressed_layers` the others with a reason.

    Raises:
        BadInput: the conversion is broken; the message names the file and what is wrong.
    """
    graph = files.read_graph(path)
    _check_size(path, scheme, sum(elements for _, elements, _ in kernels))
    _check_ops(path, graph)
    found: dict[str, Any] = {"ops": len(graph.ops)}
    if files.target_of(path) is Target.COREML:
        found["layout_ops"] = _check_layout(path, graph, layout_changes)
        _check_blobs(path)
        found.update(_check_kernels(path, scheme, kernels))
    else:
        reader.check_finite(path)
        if SCHEMES[Target.TFLITE][scheme].accepts_external_ranges:
            _check_integers(path, graph, float_layers)
    return found


def check_plan(path: Path, error: float) -> None:
    """Raises BadInput where the folded network is not the trained one."""
    if not error <= PLAN_LIMIT:  # NaN fails too
        raise _broken(path, f"folding changed the network: off by {error:.3g} from Keras")


def check_outputs(
    path: Path, scheme: str, reference: NDArray[np.float32], outputs: NDArray[np.float32]
) -> dict[str, Any]:
    """Outputs of the probe windows against the float model, both (n, classes).

    Raises:
        BadInput: wrong shape, NaN or infinity, or further off than the scheme explains.
    """
    import numpy as np

    if outputs.shape != reference.shape:
        raise _broken(path, f"outputs have shape {outputs.shape} instead of {reference.shape}")
    if not np.isfinite(outputs).all():
        raise _broken(path, "outputs hold NaN or infinity")
    difference = np.abs(outputs.astype(np.float64) - reference)
    largest, mean = float(difference.max()), float(difference.mean())
    limit, mean_limit = LIMITS[files.target_of(path)][scheme]
    if largest > limit or mean > mean_limit:
        raise _broken(
            path,
            f"outputs are up to {largest:.3g} (mean {mean:.3g}) off the float model; {scheme} "
            f"explains at most {limit:g} (mean {mean_limit:g})",
        )
    return {"status": "passed", "max_abs": largest, "mean_abs": mean, "n": len(outputs)}


def _broken(path: Path, what: str) -> BadInput:
    return BadInput(
        f"{path.name}: the conversion is broken: {what}",
        "the file was not kept; try another scheme, and report the model if float32 fails too",
    )


def _check_size(path: Path, scheme: str, elements: int) -> None:
    """A file cannot be smaller than its kernels: catches files without weights."""
    known = SCHEMES[files.target_of(path)][scheme]
    needed = int(elements * (1 - known.sparsity) * BITS[known.weights]) // 8
    actual = size(path)
    if actual < needed:
        raise _broken(
            path,
            f"{actual:,} bytes cannot hold {elements:,} weights ({needed:,} bytes as {scheme})",
        )


def _check_ops(path: Path, graph: Graph) -> None:
    for op in graph.ops:
        if op.kind in _RESOURCE:
            raise _broken(path, f"it reads its weights from outside the file ({op.kind})")
        if op.kind.startswith("CUSTOM:"):
            raise _broken(path, f"operation {op.kind.removeprefix('CUSTOM:')} is no builtin one")


def _check_integers(path: Path, graph: Graph, float_layers: Sequence[str]) -> None:
    """An operation without an integer kernel stays float, and the converter says nothing."""
    left = [
        op.name
        for op in graph.ops
        if op.macs and not graph.tensors[op.inputs[0]].dtype.startswith("int")
    ]
    if len(left) > len(float_layers):
        raise _broken(path, f"operations in it stayed float: {', '.join(left)}")


def _check_layout(path: Path, graph: Graph, expected: int) -> int:
    """Operations that move values instead of computing."""
    found = sum(kind in _LAYOUT for kind in graph.kinds)
    if found > expected:
        raise _broken(path, f"{found} layout operations where {expected} suffice")
    return found


def _check_blobs(path: Path) -> None:
    """Every float that the file holds must be a number."""
    import numpy as np

    for name, constant in read_program(path).constants():
        if constant.type.dtype.startswith("float") and not np.isfinite(constant.value).all():
            raise _broken(path, f"constant '{name}' holds NaN or infinity")


def _check_kernels(path: Path, scheme: str, kernels: Sequence[Kernel]) -> dict[str, Any]:
    """Every kernel must be found again, in order, unpacked, and with its magnitudes."""
    import numpy as np

    left = iter(weights.read_weights(path))
    compressed: list[str] = []
    kept: list[dict[str, str]] = []
    for name, elements, magnitude in kernels:
        weight = next((w for w in left if w.elements == elements), None)
        if weight is None:
            raise _broken(path, f"the kernel of layer '{name}' is not in it")
        values = weight.values().astype(np.float64)
        if not np.isfinite(values).all():
            raise _broken(path, f"the kernel of layer '{name}' holds NaN or infinity")
        moved = abs(float(np.abs(values).sum()) - magnitude)
        if moved > _SUM_LIMITS.get(weight.dtype, _SUM_LIMIT) * magnitude:
            raise _broken(path, f"the kernel of layer '{name}' is not in it with its magnitudes")
        if weight.compressed:
            compressed.append(name)
        else:
            kept.append({"layer": name, "reason": _why_not(elements)})
    if not SCHEMES[Target.COREML][scheme].compressed:
        return {}
    if not compressed:
        raise _broken(path, f"no kernel in it is compressed, as {scheme} says")
    return {"compressed_layers": compressed, "uncompressed_layers": kept}


def _why_not(elements: int) -> str:
    if elements <= SMALLEST:
        return f"{elements:,} weights; up to {SMALLEST:,} stay float16"
    return "the converter left it as it is"
