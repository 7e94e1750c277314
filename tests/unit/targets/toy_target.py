"""A whole target in one file: `.toy` files are JSON with the kernels of a network.

`tests/contract/test_toy_target.py` adds it to the table of targets with one line, which is all that
a new target may need.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import Contract, Finding, InputConvention, Scheme, Severity, TensorSpec, Variant
from edgeconv.core.metadata import ModelMetadata, contract_text, parse_contract
from edgeconv.errors import BadInput
from edgeconv.ir.trace import Traced
from edgeconv.targets import limits
from edgeconv.targets.base import (
    Conversion,
    ConversionSettings,
    ExpectedFile,
    FileReader,
    FileStructure,
    StoredConstant,
    StoredLayer,
    Target,
)
from edgeconv.targets.file_graph import FileGraph, Op, Tensor, scheme_by_types
from edgeconv.targets.lints import Ranges, Rule, Violation, apply


def convert(
    traced: Traced,
    variant: Variant,
    calibration: tuple[NDArray[Any], ...] | None,
    ranges: Mapping[Any, tuple[float, float]] | None,
    path: Path,
) -> ConversionSettings:
    """Every kernel as a list of numbers."""
    assert (variant.scheme, calibration, ranges) == ("float32", None, None)
    kernels = {traced.graph.label(node): node.kernel.tolist() for node in traced.graph.kernel_nodes}
    shapes = {"inputs": (1, *traced.graph.input.shape), "outputs": (1, *traced.graph.output.shape)}
    path.write_text(json.dumps({"kernels": kernels, **shapes}))
    return ConversionSettings()


def write_metadata(path: Path, metadata: ModelMetadata) -> None:
    path.write_text(json.dumps({**read(path), "contract": contract_text(metadata.contract)}))


def check(path: Path, graph: FileGraph, expected: ExpectedFile) -> FileStructure:
    if [op.name for op in graph.ops] != [name for name, _, _ in expected.kernels]:
        raise BadInput(f"{path}: kernels are missing")
    return FileStructure()


def read(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is damaged: {error}") from error
    return data


def kernels(path: Path) -> list[tuple[str, NDArray[Any]]]:
    return [(name, np.array(values, np.float32)) for name, values in read(path)["kernels"].items()]


def graph_of(path: Path) -> FileGraph:
    stored, data = kernels(path), read(path)
    tensors = [Tensor(name, values.shape, "float32", constant=True) for name, values in stored]
    tensors += [Tensor(side, tuple(data[side]), "float32") for side in ("inputs", "outputs")]
    first, last = len(stored), len(stored) + 1
    ops = tuple(
        Op("KERNEL", name, (first, i), (last,), macs=values.size)
        for i, (name, values) in enumerate(stored)
    )
    return FileGraph(
        ops=ops,
        tensors=tuple(tensors),
        inputs=(TensorSpec("sensor", tuple(data["inputs"]), "float32"),),
        outputs=(TensorSpec("probabilities", tuple(data["outputs"]), "float32"),),
        parameters=sum(values.size for _, values in stored),
        peak_tensor_bytes=0,
        extra={},
    )


def contract(path: Path) -> Contract | None:
    text = read(path).get("contract")
    return parse_contract(text, str(path)) if text else None


def labels(path: Path) -> tuple[str, ...]:
    signal = contract(path)
    return signal.labels if signal else ()


def layer_constants(path: Path) -> list[StoredLayer]:
    return [
        StoredLayer(name, {"kernel": StoredConstant(values, "float32", True)})
        for name, values in kernels(path)
    ]


def kernel_arrays(path: Path) -> Iterator[tuple[NDArray[Any], int]]:
    for _, values in kernels(path):
        yield values, values.ndim - 2


def _zero_kernels(path: Path) -> Iterator[Violation]:
    for name, values in kernels(path):
        if not values.any():
            yield Violation(name, "every weight is 0")


RULES = (Rule("L104", Severity.ERROR, "kernels of zeros", _zero_kernels, "train the network"),)


def lint(path: Path, ranges: Ranges) -> list[Finding]:
    del ranges  # no rule is about the size of numbers
    return apply(RULES, path)


TARGET = Target(
    name="toy",
    title="Toy",
    aliases=("plaything",),
    suffix=".toy",
    input_convention=InputConvention.ANDROID,
    schemes={
        "float32": Scheme(
            name="float32",
            weights="float32",
            activations="float32",
            gates=limits.FLOAT32_GATES,
            tolerance=limits.SUMS,
            output_limits=limits.FLOAT32_OUTPUTS,
            only_rounds_weights=True,
            default=True,
        )
    },
    conversion=Conversion(
        convert=convert,
        write_metadata=write_metadata,
        check=check,
        channels_first=False,
        packages=("numpy",),
    ),
    reader=FileReader(
        graph=graph_of,
        contract=contract,
        labels=labels,
        scheme=lambda _, graph: scheme_by_types(graph),
        size_breakdown=lambda path: {"structure": path.stat().st_size},
        rules=RULES,
        lint=lint,
        layer_constants=layer_constants,
        kernels=kernel_arrays,
        kernel_storage=lambda _: [],
        declared_sizes=lambda _: [],
    ),
    reference_runtime="toy-runtime",
)
