"""Small ONNX files, written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, external_data_helper, helper, numpy_helper, save

FLOAT = TensorProto.FLOAT
Size = int | str
"""Of a dimension: a number, or the name of a free one."""


def value(name: str, *shape: Size, dtype: int = FLOAT) -> Any:
    return helper.make_tensor_value_info(name, dtype, shape)


def constant(name: str, array: Any, dtype: str = "float32") -> Any:
    return numpy_helper.from_array(np.asarray(array, dtype), name)


def model(
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    constants: Sequence[Any] = (),
    opset: int = 17,
    domains: Sequence[str] = (),
) -> Any:
    graph = helper.make_graph(nodes, "main", inputs, outputs, constants)
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def weights() -> tuple[Any, Any]:
    rng = np.random.default_rng(4)
    return rng.normal(size=(6, 3)).astype("float32"), rng.normal(size=3).astype("float32")


def classifier(batch: Size = 1) -> Any:
    """Six numbers → a product and a softmax → three probabilities."""
    kernel, bias = weights()
    return model(
        [
            helper.make_node("Gemm", ["sensor", "kernel", "bias"], ["sums"]),
            helper.make_node("Softmax", ["sums"], ["probabilities"]),
        ],
        [value("sensor", batch, 6)],
        [value("probabilities", batch, 3)],
        [constant("kernel", kernel), constant("bias", bias)],
    )


def expected(x: Any) -> Any:
    """What `classifier` computes of (n, 6)."""
    kernel, bias = weights()
    powers = np.exp(x @ kernel + bias)
    return powers / powers.sum(-1, keepdims=True)


def looped() -> Any:
    """x + x + x, by a loop that reads x from around it."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["sum", "x"], ["more"]),
        ],
        "body",
        [
            value("turn", dtype=TensorProto.INT64),
            value("go", dtype=TensorProto.BOOL),
            value("sum", 1, 2),
        ],
        [value("go_on", dtype=TensorProto.BOOL), value("more", 1, 2)],
    )
    loop = helper.make_node("Loop", ["turns", "", "start"], ["total"], body=body)
    return model(
        [loop],
        [value("x", 1, 2)],
        [value("total", 1, 2)],
        [constant("turns", 3, "int64"), constant("start", [[0, 0]])],
    )


def write(path: Path, network: Any) -> Path:
    save(network, path)
    return path


def write_with_weights_outside(path: Path, network: Any) -> Path:
    """As PyTorch writes large models: weights in a file beside the model's."""
    external_data_helper.convert_model_to_external_data(
        network, location=f"{path.name}.data", size_threshold=0
    )
    return write(path, network)
