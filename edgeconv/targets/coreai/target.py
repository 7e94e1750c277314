"""Core AI as a target: `.aimodel` folders for iOS 27 and later."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeconv.core import Finding, InputConvention
from edgeconv.errors import BadInput
from edgeconv.targets import limits
from edgeconv.targets.base import (
    Conversion,
    ExpectedFile,
    FileReader,
    FileStructure,
    Target,
)
from edgeconv.targets.coreai import asset, convert, lints, reader, weights
from edgeconv.targets.coreai.engine import PACKAGE
from edgeconv.targets.coreai.schemes import SCHEMES
from edgeconv.targets.file_graph import FileGraph
from edgeconv.targets.lints import Ranges, apply


def _lint(path: Path, ranges: Ranges) -> list[Finding]:
    return apply(lints.RULES, lints.AssetView(path, ranges))


def check_structure(path: Path, graph: FileGraph, expected: ExpectedFile) -> FileStructure:
    """A file with finite weights that are stored as the scheme says. Raises BadInput."""
    del graph
    for finding in _lint(path, {}):
        if finding.number in lints.NOT_FINITE:
            raise BadInput(f"{path}: constant '{finding.where}': {finding.text}", finding.advice)
    stored = weights.kernel_storage(path)
    packed = tuple(each.op for each in stored if each.compressed)
    return FileStructure(compressed_layers=packed if expected.scheme.compressed else ())


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
