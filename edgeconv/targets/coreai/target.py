"""Core AI as a target: `.aimodel` folders for iOS 27 and later."""

from __future__ import annotations

from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any

from edgeconv.core import Finding, InputConvention, UncompressedLayer
from edgeconv.errors import BadInput
from edgeconv.ir.graph import clean
from edgeconv.targets import limits
from edgeconv.targets.base import (
    Conversion,
    ExpectedFile,
    FileReader,
    FileStructure,
    Target,
    broken_conversion,
)
from edgeconv.targets.coreai import asset, convert, lints, reader, weights
from edgeconv.targets.coreai.engine import PACKAGE
from edgeconv.targets.coreai.schemes import SCHEMES
from edgeconv.targets.coreml.weight_compression import SMALLEST, TINY, worth
from edgeconv.targets.file_graph import FileGraph
from edgeconv.targets.lints import Ranges, apply

# How far the sum of a kernel's magnitudes may move, as a share, by its stored type: as in Core ML.
_SUM_LIMITS = {"int8": 5e-3, "int4": 0.05}
_SUM_LIMIT = 1e-3


def _lint(path: Path, ranges: Ranges) -> list[Finding]:
    return apply(lints.RULES, lints.AssetView(path, ranges))


def check_structure(path: Path, graph: FileGraph, expected: ExpectedFile) -> FileStructure:
    """A file with finite weights that are stored as the scheme says. Raises BadInput."""
    del graph
    for finding in _lint(path, {}):
        if finding.number in lints.NOT_FINITE:
            raise BadInput(f"{path}: constant '{finding.where}': {finding.text}", finding.advice)
    return _check_kernels(path, expected)


def _check_kernels(path: Path, expected: ExpectedFile) -> FileStructure:
    """Every kernel is in the file with its magnitudes; what is not packed has a reason."""
    import numpy as np

    program = reader.read_program(path)
    left = {program.names[k.number]: k for k in weights.each_once(program)}
    total = sum(elements for _, elements, _ in expected.kernels)
    packed: list[str] = []
    floats: list[UncompressedLayer] = []
    for name, elements, magnitude in expected.kernels:
        kernels = _taken(program, left, name, elements)
        values = [weights.unpacked(program, kernel) for kernel in kernels]
        found = sum(float(np.abs(each).sum()) for each in values if each is not None)
        dtype = program.type(kernels[0].number)[1] if kernels else ""
        if abs(found - magnitude) > _SUM_LIMITS.get(dtype, _SUM_LIMIT) * magnitude:
            raise broken_conversion(
                path, f"the kernel of layer '{name}' is not in it with its magnitudes"
            )
        if all(kernel.unpacked_by for kernel in kernels):
            packed.append(name)
        else:
            floats.append(UncompressedLayer(name, _why_not(elements, total)))
    if not expected.scheme.compressed:
        return FileStructure()
    return FileStructure(None, tuple(packed), tuple(floats))


def _taken(
    program: reader.Program, left: dict[str, reader.Kernel], name: str, elements: int
) -> list[reader.Kernel]:
    """The kernels of a layer out of those that are left, by name, else the first of its size.

    A GRU that resets its state first has its recurrent kernel in two parts.
    """
    label, _, part = name.removesuffix(")").rpartition(" (")
    layer = clean(label or name)
    part = part if label else "kernel"
    names = [f"{layer}_{part}"]
    if part == "recurrent_kernel":
        names.append(f"{layer}_candidate_kernel")
    found = [left.pop(each) for each in names if each in left]
    if not found:
        sizes = {each: prod(program.type(kernel.number)[0]) for each, kernel in left.items()}
        found = [left.pop(each) for each in [n for n, s in sizes.items() if s == elements][:1]]
    return found


def _why_not(elements: int, total: int) -> str:
    if not worth(elements, total):
        limit = TINY if elements <= TINY else SMALLEST
        return f"{elements:,} weights; up to {limit:,} stay float16"
    return "its numbers are no palette"


def _kernel_storage(path: Path) -> list[dict[str, Any]]:
    return [asdict(each) for each in weights.kernel_storage(path)]


TARGET = Target(
    name="coreai",
    title="Core AI",
    aliases=("aimodel", "ios27"),
    suffix=".aimodel",
    input_convention=InputConvention.IOS,
    schemes=SCHEMES,
    conversion=Conversion(
        convert=convert.convert,
        write_metadata=asset.write_metadata,
        check=check_structure,
        channels_first=True,
        packages=(PACKAGE, "keras"),
        reads_graph=True,
    ),
    reader=FileReader(
        graph=reader.read_graph,
        contract=asset.read_contract,
        labels=asset.read_labels,
        scheme=reader.scheme_of,
        size_breakdown=reader.size_breakdown,
        rules=lints.RULES,
        lint=_lint,
        layer_constants=weights.layer_constants,
        kernels=weights.kernels,
        kernel_storage=_kernel_storage,
        declared_sizes=lambda _: [],
    ),
    reference_runtime="coreai",
    computes_in_float16=True,
    other_schemes=r"dynamic|int16x8|u?int\d+|palette\d+",
    other_gates=limits.INT8_GATES,
)
