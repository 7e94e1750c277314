"""A lint of flexible shapes that runs the file at the sizes it declares.

The file alone does not show the error: a converter accepts a flexible shape for a network that was
traced with a fixed one.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Runner, TensorSpec
from edgeconv.errors import BadInput, EdgeconvError
from edgeconv.runtimes import open_runner
from edgeconv.targets.base import target_of
from edgeconv.targets.lints import Finding, Severity

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shape = tuple[int, ...]
NUMBER, RULE = "L303", "flexible-shape"
LARGEST = 1 << 22  # numbers of one input; larger ones are not run
_FAILS = "trace the model with a free dimension, or allow only the sizes that work"
_UNKNOWN = "run it at this size before an app does"


def lint_flexible(path: Path) -> list[Finding]:
    """Run a file at the sizes that it declares; no findings if it declares only one.

    An error names the first size that fails. A hint says what could not be run here.

    Raises:
        BadInput: not an artifact, or a damaged one.
    """
    target = target_of(path)
    sizes = target.reader.declared_sizes(path)
    if not sizes:
        return []
    small = [s for s in sizes if all(prod(shape) <= LARGEST for shape in s.values())]
    findings = [_not_run(s, "too large to run here") for s in sizes if s not in small][:1]
    try:
        with open_runner(path, target.reference_runtime) as runner:
            failed = [(size, reason) for size in small if (reason := _failure(runner, size))]
    except EdgeconvError as error:
        return [_not_run(sizes[0], error.message)]
    if failed:
        size, reason = failed[0]
        text = f"fails at {_describe(size)}: {reason} ({len(failed)} of {len(small)} sizes fail)"
        findings.insert(
            0, Finding(NUMBER, RULE, Severity.ERROR, _names(size), text, _FAILS, len(failed))
        )
    return findings


def _failure(runner: Runner, size: Mapping[str, Shape]) -> str:
    """Why the model does not accept inputs of this size; empty if it does."""
    inputs = {name: _array(runner.inputs[name], shape) for name, shape in size.items()}
    try:
        outputs = runner.run(inputs)
    except BadInput as error:
        return error.message
    for name, array in outputs.items():
        declared = runner.outputs[name].shape
        fits = len(declared) == array.ndim and all(
            want in (-1, got) for want, got in zip(declared, array.shape, strict=True)
        )
        if declared and not fits:
            return f"output '{name}' has shape {array.shape}, the file says {declared}"
    return ""


def _array(spec: TensorSpec, shape: Shape) -> NDArray[Any]:
    """Small numbers of both signs; zeros for whole numbers, which may be indices."""
    import numpy as np

    if not spec.dtype.startswith("float"):
        return np.zeros(shape, spec.dtype)
    return np.random.default_rng(0).normal(size=shape).astype(spec.dtype)


def _not_run(size: Mapping[str, Shape], reason: str) -> Finding:
    text = f"not run at {_describe(size)}: {reason}"
    return Finding(NUMBER, RULE, Severity.HINT, _names(size), text, _UNKNOWN)


def _names(size: Mapping[str, Shape]) -> str:
    return ", ".join(size)


def _describe(size: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} = {' × '.join(map(str, shape))}" for name, shape in size.items())
