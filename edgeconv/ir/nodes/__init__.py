"""The operations of a graph, a file for each family.

A new one is a file here, a line in `keras_catalogue.py` for each Keras layer that becomes it, a
line in `NODES`, and a lowering for each target that can compute it.
"""

from __future__ import annotations

from edgeconv.ir.nodes.activation import LINEAR, SOFTMAX, Activation, ActivationFunction
from edgeconv.ir.nodes.affine import Affine
from edgeconv.ir.nodes.attention import Attention
from edgeconv.ir.nodes.convolution import Conv, Depthwise, TransposedConv
from edgeconv.ir.nodes.dense import Dense
from edgeconv.ir.nodes.keras_layer import KerasLayer
from edgeconv.ir.nodes.kernel import KernelNode
from edgeconv.ir.nodes.merge import Concatenate, Merge
from edgeconv.ir.nodes.node import Node, Range, Shape, Value
from edgeconv.ir.nodes.normalization import Mean
from edgeconv.ir.nodes.operators import Embedding, MatrixProduct
from edgeconv.ir.nodes.pooling import GlobalPool, Pool
from edgeconv.ir.nodes.recurrent import Gru, Lstm, Recurrent, SimpleRnn
from edgeconv.ir.nodes.shape import Pad, Repeat, Reshape, Slice, Transpose

__all__ = [
    "LINEAR",
    "NODES",
    "SOFTMAX",
    "Activation",
    "ActivationFunction",
    "Affine",
    "Attention",
    "Concatenate",
    "Conv",
    "Dense",
    "Depthwise",
    "Embedding",
    "GlobalPool",
    "Gru",
    "KerasLayer",
    "KernelNode",
    "Lstm",
    "MatrixProduct",
    "Mean",
    "Merge",
    "Node",
    "Pad",
    "Pool",
    "Range",
    "Recurrent",
    "Repeat",
    "Reshape",
    "Shape",
    "SimpleRnn",
    "Slice",
    "Transpose",
    "TransposedConv",
    "Value",
]

NODES: tuple[type[Node], ...] = (
    Activation,
    Affine,
    Attention,
    Concatenate,
    Conv,
    Dense,
    Depthwise,
    Embedding,
    GlobalPool,
    Gru,
    KerasLayer,
    Lstm,
    MatrixProduct,
    Mean,
    Merge,
    Pad,
    Pool,
    Repeat,
    Reshape,
    SimpleRnn,
    Slice,
    Transpose,
    TransposedConv,
)
"""Every operation."""
