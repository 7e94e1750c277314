"""Artifacts described from the file alone, also those that other tools wrote."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from edgeconv.core import Artifact, Contract, ExportReport, Finding, InputConvention, Signal
from edgeconv.core.paths import compressed_size, sha256, size
from edgeconv.core.signal import label_faults
from edgeconv.targets.base import target_of
from edgeconv.targets.file_graph import FileGraph
from edgeconv.targets.lints import Ranges


def read_graph(path: Path) -> FileGraph:
    """Operations, tensors and cost. Raises BadInput for a damaged or unknown file."""
    return target_of(path).reader.graph(path)


def read_contract(path: Path) -> Contract | None:
    """The embedded sensor contract; None for a file of another tool."""
    return target_of(path).reader.contract(path)


def read_labels(path: Path) -> tuple[str, ...]:
    """The embedded class names; empty where there are none."""
    return target_of(path).reader.labels(path)


def lint(path: Path, ranges: Ranges = MappingProxyType({})) -> list[Finding]:
    """What breaks the rules of the file's target, the most severe first.

    Args:
        ranges: lowest and highest number of the values inside the file, as samples gave them;
            rules that need them say less, or nothing, without.

    Raises:
        BadInput: a file that is missing, damaged, or not an artifact.
    """
    return target_of(path).reader.lint(path, ranges)


def size_breakdown(path: Path) -> dict[str, int]:
    """Part → bytes, the largest first. Every byte is counted once; they add up to the size.

    `weights` are kernels, `biases` the learned constants of rank 1, `palettes`, `scales` and
    `zero points` decode packed numbers, `constants` shapes, axes and other parameters, `names`,
    `metadata` descriptions, `contract` and `labels`, and `structure` the rest of the format:
    tables, offsets, types, shapes, lengths, alignment.

    Raises:
        BadInput: a file that is missing, damaged, or not an artifact.
    """
    parts = target_of(path).reader.size_breakdown(path)
    return dict(sorted(parts.items(), key=lambda item: (-item[1], item[0])))


def describe(path: Path) -> Artifact:
    """Describe an artifact from the file alone.

    A file of another tool has no sensor contract: its `signal` then takes the input as one channel
    without a unit, and `export.contract` is `"none"`.

    Raises:
        BadInput: a file that is missing, damaged, or not an artifact.
    """
    target = target_of(path)
    graph = target.reader.graph(path)
    signal = target.reader.contract(path)
    return Artifact(
        path=path,
        sha256=sha256(path),
        bytes=size(path),
        target=target.name,
        scheme=target.reader.scheme(path, graph),
        contract=signal or _unknown(graph, target.reader.labels(path)),
        inputs=graph.inputs,
        outputs=graph.outputs,
        export=ExportReport(
            contract="embedded" if signal else "none",
            compressed_bytes=compressed_size(path),
            format=graph.extra,
        ),
    )


def _unknown(graph: FileGraph, labels: tuple[str, ...]) -> Signal:
    """A stand-in for a missing contract: values are taken unchanged."""
    first = graph.inputs[0] if graph.inputs else None
    values = 1
    for dimension in first.shape[1:] if first else ():
        values *= max(dimension, 1)
    return Signal(
        channels=("value",),
        window=values,
        step=values,
        labels=() if label_faults(labels) else labels,  # lints name the faults
        sensor=InputConvention.NORMALIZED,
    )
