"""The one table of Keras layers: what each does, and how its nodes are read."""

from __future__ import annotations

from collections.abc import Mapping

from edgeconv.errors import Unsupported
from edgeconv.ir.keras_call import KerasCall, KerasLayerType, LayerRole
from edgeconv.ir.nodes import (
    affine,
    convolution,
    dense,
    keras_activation,
    keras_layer,
    kernel,
    merge,
    normalization,
    pooling,
    shape,
)
from edgeconv.ir.nodes.node import Node

_TRAINING_ONLY = KerasLayerType(LayerRole.TRAINING_ONLY)
_ACTIVATION_LAYER = KerasLayerType(LayerRole.ACTIVATION, keras_activation.read_activation_layer)
_RESHAPE = KerasLayerType(LayerRole.RESHAPE, shape.read_reshape)
_MERGE = KerasLayerType(LayerRole.OTHER, merge.read_merge)
# Known to comparisons of layers; no node stands for them yet.
_KERNEL_ONLY_IN_KERAS = KerasLayerType(LayerRole.KERNEL, fuses_activation=True)
_MAXIMUM_ONLY_IN_KERAS = KerasLayerType(LayerRole.MAXIMUM)
_AVERAGE_ONLY_IN_KERAS = KerasLayerType(LayerRole.AVERAGE)

KERAS_LAYERS: Mapping[str, KerasLayerType] = {
    "Activation": KerasLayerType(LayerRole.ACTIVATION, keras_activation.read_activation),
    "ActivityRegularization": _TRAINING_ONLY,
    "Add": _MERGE,
    "AlphaDropout": _TRAINING_ONLY,
    "Average": _MERGE,
    "AveragePooling1D": KerasLayerType(LayerRole.AVERAGE, pooling.read_pool("average")),
    "AveragePooling2D": _AVERAGE_ONLY_IN_KERAS,
    "BatchNormalization": KerasLayerType(
        LayerRole.AFFINE, affine.read_batch_normalization, affine.BATCH_NORMALIZATION_ARRAYS
    ),
    "Concatenate": KerasLayerType(LayerRole.OTHER, merge.read_concatenate),
    "Conv1D": KerasLayerType(
        LayerRole.KERNEL, convolution.read_conv, kernel.KERNEL_AND_BIAS, fuses_activation=True
    ),
    "Conv1DTranspose": _KERNEL_ONLY_IN_KERAS,
    "Conv2D": _KERNEL_ONLY_IN_KERAS,
    "Conv2DTranspose": _KERNEL_ONLY_IN_KERAS,
    "Dense": KerasLayerType(
        LayerRole.KERNEL, dense.read_dense, kernel.KERNEL_AND_BIAS, fuses_activation=True
    ),
    "DepthwiseConv1D": KerasLayerType(
        LayerRole.KERNEL, convolution.read_depthwise, kernel.KERNEL_AND_BIAS, fuses_activation=True
    ),
    "DepthwiseConv2D": _KERNEL_ONLY_IN_KERAS,
    "Dropout": _TRAINING_ONLY,
    "ELU": _ACTIVATION_LAYER,
    "EinsumDense": _KERNEL_ONLY_IN_KERAS,
    "Flatten": _RESHAPE,
    "GaussianDropout": _TRAINING_ONLY,
    "GaussianNoise": _TRAINING_ONLY,
    "GlobalAveragePooling1D": KerasLayerType(
        LayerRole.AVERAGE, pooling.read_global_pool("average")
    ),
    "GlobalAveragePooling2D": _AVERAGE_ONLY_IN_KERAS,
    "GlobalMaxPooling1D": KerasLayerType(LayerRole.MAXIMUM, pooling.read_global_pool("max")),
    "GlobalMaxPooling2D": _MAXIMUM_ONLY_IN_KERAS,
    "Identity": _TRAINING_ONLY,
    # only reaches this table where the caller trusts its code
    "Lambda": KerasLayerType(LayerRole.OTHER, keras_layer.read_opaque),
    "LayerNormalization": KerasLayerType(
        LayerRole.OTHER,
        normalization.read_layer_normalization,
        normalization.LAYER_NORMALIZATION_ARRAYS,
    ),
    "LeakyReLU": _ACTIVATION_LAYER,
    "MaxPooling1D": KerasLayerType(LayerRole.MAXIMUM, pooling.read_pool("max")),
    "MaxPooling2D": _MAXIMUM_ONLY_IN_KERAS,
    "Maximum": _MERGE,
    "Minimum": _MERGE,
    "Multiply": _MERGE,
    "Normalization": KerasLayerType(LayerRole.AFFINE, normalization.read_normalization),
    "PReLU": KerasLayerType(LayerRole.ACTIVATION),
    "ReLU": _ACTIVATION_LAYER,
    "Rescaling": KerasLayerType(LayerRole.AFFINE, normalization.read_rescaling),
    "Reshape": _RESHAPE,
    "SeparableConv1D": KerasLayerType(
        LayerRole.KERNEL,
        convolution.read_separable,
        convolution.SEPARABLE_ARRAYS,
        fuses_activation=True,
    ),
    "SeparableConv2D": _KERNEL_ONLY_IN_KERAS,
    "Softmax": _ACTIVATION_LAYER,
    "SpatialDropout1D": _TRAINING_ONLY,
    "SpatialDropout2D": _TRAINING_ONLY,
    "Subtract": _MERGE,
}


def role_of(kind: str) -> LayerRole:
    """What a Keras layer does, by its class; `OTHER` for one that is not in the table."""
    entry = KERAS_LAYERS.get(kind)
    return LayerRole.OTHER if entry is None else entry.role


def fuses_activation(kind: str) -> bool:
    """Whether a Keras layer, by its class, applies an activation as the last thing it does."""
    entry = KERAS_LAYERS.get(kind)
    return entry is not None and entry.fuses_activation


def read_layer(call: KerasCall) -> tuple[Node, ...]:
    """The nodes that compute one call of a layer; none where it acts in training only.

    Raises:
        Unsupported: the layer, or a setting of it, is outside the table.
    """
    layer, where = call.layer, f"layer '{call.label}' ({call.kind})"
    entry = KERAS_LAYERS.get(call.kind)
    if entry is None or not entry.supported:
        supported = sorted(name for name, each in KERAS_LAYERS.items() if each.supported)
        raise Unsupported(
            f"layer '{call.label}' is a {call.kind}, which cannot be exported",
            f"possible: {', '.join(supported)}",
        )
    if getattr(layer, "quantization_mode", None):
        raise Unsupported(
            f"{where} is already quantized by Keras",
            "export the float model and let the scheme quantize it",
        )
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        raise Unsupported(f"{where} is channels-first", "use data_format channels_last")
    return () if entry.read is None else entry.read(call)
