"""Tests of a converted `.tflite` file that need no converter and no runtime."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from edgeconv.ir.graph import clean
from edgeconv.ir.tf_recurrent import STEPS
from edgeconv.targets.base import ExpectedFile, FileStructure, broken_conversion
from edgeconv.targets.file_graph import FileGraph
from edgeconv.targets.tflite import reader


def check_structure(path: Path, graph: FileGraph, expected: ExpectedFile) -> FileStructure:
    """Every float is finite, and a file of integers computes in integers. Raises BadInput."""
    reader.check_finite(path)
    if expected.scheme.accepts_external_ranges:
        _check_integers(path, graph, expected.float_layers)
    return FileStructure()


def _check_integers(path: Path, graph: FileGraph, float_layers: Sequence[str]) -> None:
    """An operation without an integer kernel stays float, without a message of the converter.

    A float layer has one such operation, a recurrent one several, which bear its name.
    """
    names = "|".join(re.escape(clean(name)) for name in float_layers)
    recurrent = re.compile(f"(^|[/;])({names})_{STEPS}/")
    left = [
        op.name
        for op in graph.ops
        if op.macs
        and not graph.tensors[op.inputs[0]].dtype.startswith("int")
        and not recurrent.search(op.name)
    ]
    if len(left) > len(float_layers):
        raise broken_conversion(path, f"operations in it stayed float: {', '.join(left)}")
