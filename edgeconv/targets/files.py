"""Any exported file described from what stands in it, its own or a foreign one."""

from __future__ import annotations

from pathlib import Path

from edgeconv.core import (
    ENDINGS,
    Artifact,
    ExportReport,
    InputConvention,
    Signal,
    Target,
)
from edgeconv.core.digest import sha256, size
from edgeconv.errors import BadInput
from edgeconv.targets.compressed_size import deflated
from edgeconv.targets.coreml import package, program_graph
from edgeconv.targets.coreml import weights as mlweights
from edgeconv.targets.file_graph import Graph
from edgeconv.targets.tflite import metadata, reader


def target_of(path: Path) -> Target:
    """Which target a file is for, by its ending.

    Raises:
        BadInput: neither ending.
    """
    for target, ending in ENDINGS.items():
        if path.name.endswith(ending):
            return target
    endings = " or ".join(ENDINGS.values())
    raise BadInput(f"{path} is no artifact that this tool knows", f"give a {endings}")


def read_graph(path: Path) -> Graph:
    """Operations, tensors and cost. Raises BadInput for a damaged or unknown file."""
    if target_of(path) is Target.TFLITE:
        return reader.read_graph(path)
    return program_graph.read_graph(path)


def read_contract(path: Path) -> Signal | None:
    """The sensor contract that the file carries; None for a foreign file."""
    if target_of(path) is Target.TFLITE:
        return metadata.read_contract(path)
    return package.read_contract(path)


def read_labels(path: Path) -> tuple[str, ...]:
    """The class names that the file carries; empty where it carries none."""
    if target_of(path) is Target.TFLITE:
        return metadata.read_labels(path)
    return program_graph.read_labels(path)


def describe(path: Path) -> Artifact:
    """What a file is, read from the file alone.

    A foreign file has no sensor contract: its `signal` then takes the input as one channel without
    a unit, and `export.contract` is `"none"`.

    Raises:
        BadInput: missing, damaged, or neither a `.tflite` nor a `.mlpackage`.
    """
    graph = read_graph(path)
    signal = read_contract(path)
    return Artifact(
        path=path,
        sha256=sha256(path),
        bytes=size(path),
        target=target_of(path),
        scheme=_scheme(path, graph),
        signal=signal or _unknown(graph, read_labels(path)),
        inputs=graph.inputs,
        outputs=graph.outputs,
        export=ExportReport(
            contract="embedded" if signal else "none",
            compressed_bytes=deflated(path),
            format=graph.extra,
        ),
    )


def _scheme(path: Path, graph: Graph) -> str:
    """Core ML's compressed weights are told by how they are unpacked, the rest by types."""
    if target_of(path) is Target.COREML:
        quantized = "quantize" in graph.kinds
        return mlweights.scheme_of(mlweights.read_weights(path), quantized) or scheme_of(graph)
    return scheme_of(graph)


def scheme_of(graph: Graph) -> str:
    """The scheme by the types that really stand in the file, not by its name.

    Weights are the constants of rank ≥ 2, activations everything that is no constant.
    """
    weights = {t.dtype for t in graph.tensors if t.constant and len(t.shape) > 1}
    activations = {t.dtype for t in graph.tensors if not t.constant}
    if "int4" in weights:
        return "int4"
    if "int8" in weights:
        if "int16" in activations:
            return "int16x8"
        return "int8" if "int8" in activations else "dynamic"
    return "float16" if "float16" in weights else "float32"


def _unknown(graph: Graph, labels: tuple[str, ...]) -> Signal:
    """Stands for a contract that nobody wrote: values are taken as they come."""
    first = graph.inputs[0] if graph.inputs else None
    values = 1
    for dimension in first.shape[1:] if first else ():
        values *= max(dimension, 1)
    return Signal(
        channels=("value",),
        window=values,
        step=values,
        labels=labels,
        sensor=InputConvention.NORMALIZED,
    )
