"""Hazards of a model file, also those that only running it shows.

A size that the file declares is tried: a converter accepts a flexible shape for a network that was
traced with a fixed one. With samples, the file is run on them, and rules about the size of numbers
get the lowest and highest number of each value inside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Artifact,
    Contract,
    Finding,
    Inspectable,
    Progress,
    Runner,
    Severity,
    Signal,
    TensorSpec,
)
from edgeconv.errors import BadInput, EdgeconvError
from edgeconv.runtimes import accepted, inspectable, open_runner
from edgeconv.runtimes.window_shapes import shaped_input
from edgeconv.targets import files
from edgeconv.targets.base import target_of
from edgeconv.targets.lints import Ranges, Rule, Violation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeconv.ir.model_inputs import Arrays

Shape = tuple[int, ...]
FLEXIBLE_SHAPE = "L303"
LARGEST = 1 << 22  # numbers of one input; larger ones are not run
_CHUNK = 50  # samples that are run at once
_FIRST = 5  # samples that show how many numbers a network makes of one
ENOUGH = 20_000_000
"""Numbers after which an export has seen enough of a file: about 600 windows of `har`, but only a
dozen pictures of a MobileNet, whose samples would otherwise cost minutes."""
_UNKNOWN = "run it at this size before an app does"


def find_hazards(
    path: Path,
    contract: Contract | None = None,
    samples: Arrays = (),
    enough: float = float("inf"),
) -> list[Finding]:
    """What breaks the rules of the file's target, the most severe first.

    Args:
        path: the file.
        contract: what its inputs are called and mean; needed with samples.
        samples: (n, …) of each input as the file takes them, in the contract's order.
        enough: numbers inside the file after which no further samples are run.

    Raises:
        BadInput: not an artifact, a damaged one, or one that does not take the samples.
        MissingDependency, Unsupported: with samples, where nothing here shows the values inside.
    """
    ranges = observed_ranges(path, contract, samples, enough) if contract and samples else {}
    findings = [*lint_flexible(path), *files.lint(path, ranges)]
    order = list(Severity)
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def with_findings(artifact: Artifact, samples: Arrays, progress: Progress) -> Artifact:
    """A fresh file with what breaks the rules.

    Args:
        artifact: the file.
        samples: (n, …) of each input as the file takes them, in the contract's order.
        progress: is told why rules about the size of numbers did not run.
    """
    try:
        findings = find_hazards(artifact.path, artifact.contract, samples, ENOUGH)
    except EdgeconvError as error:
        progress.note(
            f"{artifact.name}: rules about the size of numbers did not run: {error.message}"
        )
        findings = find_hazards(artifact.path)
    return replace(artifact, export=replace(artifact.export, findings=tuple(findings)))


def observed_ranges(
    path: Path, contract: Contract, samples: Arrays, enough: float = float("inf")
) -> Ranges:
    """The lowest and highest number of each value inside a file; NaN where a value is NaN.

    It is run by the target's reference runtime, in float32 where the runtime can choose: what
    overflows then has a size.
    """
    import numpy as np

    runtime = target_of(path).reference_runtime
    ranges: dict[str, tuple[float, float]] = {}
    with open_runner(path, runtime, **accepted(runtime, compute="float32")) as opened:
        runner = inspectable(opened)
        given = _named(runner, contract, samples)
        start, size, seen = 0, _FIRST, 0
        while start < len(samples[0]) and seen < enough:
            chunk = {name: array[start : start + size] for name, array in given.items()}
            seen += _widen(ranges, runner, chunk)
            start += size
            left = (enough - seen) * start / max(seen, 1)  # in samples
            size = int(np.clip(left, 1, _CHUNK))
    return ranges


def _named(runner: Inspectable, contract: Contract, samples: Arrays) -> dict[str, NDArray[Any]]:
    if isinstance(contract, Signal):
        name, shaped = shaped_input(runner, samples[0], contract)
        return {name: shaped}
    names = [tensor.name for tensor in contract.inputs]
    return dict(zip(names, samples, strict=True))


def _widen(
    ranges: dict[str, tuple[float, float]], runner: Inspectable, chunk: Mapping[str, NDArray[Any]]
) -> int:
    """Takes in the values of these samples; returns how many numbers they are."""
    import numpy as np

    with np.errstate(all="ignore"):
        values = runner.intermediates(chunk)
    for name, array in values.items():
        if array.size and array.dtype.kind == "f":
            low, high = ranges.get(name, (float("inf"), float("-inf")))
            ranges[name] = (
                float(np.minimum(low, array.min())),
                float(np.maximum(high, array.max())),
            )
    return sum(array.size for array in values.values())


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
    rule = next(rule for rule in target.reader.rules if rule.number == FLEXIBLE_SHAPE)
    small = [s for s in sizes if all(prod(shape) <= LARGEST for shape in s.values())]
    findings = [_not_run(rule, s, "too large to run here") for s in sizes if s not in small][:1]
    try:
        with open_runner(path, target.reference_runtime) as runner:
            failed = [(size, reason) for size in small if (reason := _failure(runner, size))]
    except EdgeconvError as error:
        return [_not_run(rule, sizes[0], error.message)]
    if failed:
        size, reason = failed[0]
        text = f"fails at {_describe(size)}: {reason} ({len(failed)} of {len(small)} sizes fail)"
        first = rule.finding([Violation(_names(size), text)])
        findings.insert(0, replace(first, places=len(failed)))
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


def _not_run(rule: Rule[Any], size: Mapping[str, Shape], reason: str) -> Finding:
    text = f"not run at {_describe(size)}: {reason}"
    finding = rule.finding([Violation(_names(size), text)], Severity.HINT)
    return replace(finding, advice=_UNKNOWN)


def _names(size: Mapping[str, Shape]) -> str:
    return ", ".join(size)


def _describe(size: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} = {' × '.join(map(str, shape))}" for name, shape in size.items())
