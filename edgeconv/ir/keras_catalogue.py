"""The one table of Keras layers: what each does, and how its nodes are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgeconv.errors import Unsupported
from edgeconv.ir.keras_call import KerasCall, KerasLayerType, LayerRole, ReadLayer
from edgeconv.ir.keras_contents import AUGMENTATION
from edgeconv.ir.nodes import (
    affine,
    attention,
    convolution,
    dense,
    keras_activation,
    keras_layer,
    kernel,
    merge,
    normalization,
    operators,
    pooling,
    recurrent,
    shape,
)
from edgeconv.ir.nodes.node import Node

_TRAINING_ONLY = KerasLayerType(LayerRole.TRAINING_ONLY)
_ACTIVATION_LAYER = KerasLayerType(LayerRole.ACTIVATION, keras_activation.read_activation_layer)
_RESHAPE = KerasLayerType(LayerRole.RESHAPE, shape.read_reshape)
_MERGE = KerasLayerType(LayerRole.OTHER, merge.read_merge)
_RECURRENT = KerasLayerType(LayerRole.OTHER, recurrent.read_recurrent, recurrent.RECURRENT_ARRAYS)
_CONV = KerasLayerType(
    LayerRole.KERNEL, convolution.read_conv, kernel.KERNEL_AND_BIAS, fuses_activation=True
)
_TRANSPOSED = replace(_CONV, read=convolution.read_transposed)
_DEPTHWISE = replace(_CONV, read=convolution.read_depthwise)
_SEPARABLE = replace(_CONV, read=convolution.read_separable, arrays=convolution.SEPARABLE_ARRAYS)
_AVERAGE_POOL = KerasLayerType(LayerRole.AVERAGE, pooling.read_pool("average"))
_MAX_POOL = KerasLayerType(LayerRole.MAXIMUM, pooling.read_pool("max"))
_AVERAGE = KerasLayerType(LayerRole.AVERAGE, pooling.read_global_pool("average"))
_MAXIMUM = KerasLayerType(LayerRole.MAXIMUM, pooling.read_global_pool("max"))


def _other(read: ReadLayer) -> KerasLayerType:
    return KerasLayerType(LayerRole.OTHER, read)


# known to comparisons of layers; no node stands for it
_KERNEL_ONLY_IN_KERAS = KerasLayerType(LayerRole.KERNEL, fuses_activation=True)

_AT_EVERY_POSITION = ("Activation", "Dense", "Dropout", "ELU", "LeakyReLU", "ReLU")


def _read_time_distributed(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `TimeDistributed` of a layer that treats every position alike without it too.

    Raises:
        Unsupported: any other layer.
    """
    inner = getattr(call.layer, "layer", None)
    kind = type(inner).__name__
    if kind not in _AT_EVERY_POSITION or len(call.inputs) != 1:
        raise Unsupported(
            f"layer '{call.label}' (TimeDistributed) holds a {kind}",
            f"possible: {', '.join(_AT_EVERY_POSITION)}",
        )
    return read_layer(replace(call, layer=inner, kind=kind))


KERAS_LAYERS: Mapping[str, KerasLayerType] = {
    **dict.fromkeys(
        keras_activation.OPERATIONS,
        KerasLayerType(LayerRole.ACTIVATION, keras_activation.read_operation),
    ),
    "ops.Softmax": KerasLayerType(LayerRole.ACTIVATION, keras_activation.read_softmax),
    "Cropping1D": _other(shape.read_cropping),
    "Cropping2D": _other(shape.read_cropping),
    "GroupNormalization": KerasLayerType(
        LayerRole.OTHER,
        normalization.read_group_normalization,
        normalization.SCALE_AND_CENTER_ARRAYS,
    ),
    "Permute": _other(shape.read_permute),
    "RMSNormalization": KerasLayerType(
        LayerRole.OTHER, normalization.read_rms_normalization, (("scale", ""),)
    ),
    "RepeatVector": _other(shape.read_repeat_vector),
    "UnitNormalization": _other(normalization.read_unit_normalization),
    "UpSampling1D": _other(shape.read_upsampling),
    "UpSampling2D": _other(shape.read_upsampling),
    "ZeroPadding1D": _other(shape.read_padding),
    "ZeroPadding2D": _other(shape.read_padding),
    **{name: _other(read) for name, read in operators.OPERATIONS.items()},
    "Dot": _other(operators.read_dot),
    "Embedding": KerasLayerType(
        LayerRole.OTHER, operators.read_embedding, (("embeddings", ""),), takes_integers=True
    ),
    "Activation": KerasLayerType(LayerRole.ACTIVATION, keras_activation.read_activation),
    "ActivityRegularization": _TRAINING_ONLY,
    "Add": _MERGE,
    "AlphaDropout": _TRAINING_ONLY,
    **dict.fromkeys(AUGMENTATION, _TRAINING_ONLY),
    "Average": _MERGE,
    "AveragePooling1D": _AVERAGE_POOL,
    "AveragePooling2D": _AVERAGE_POOL,
    "BatchNormalization": KerasLayerType(
        LayerRole.AFFINE, affine.read_batch_normalization, affine.BATCH_NORMALIZATION_ARRAYS
    ),
    "Bidirectional": KerasLayerType(LayerRole.OTHER, recurrent.read_bidirectional),
    "Concatenate": KerasLayerType(LayerRole.OTHER, merge.read_concatenate),
    "Conv1D": _CONV,
    "Conv1DTranspose": _TRANSPOSED,
    "Conv2D": _CONV,
    "Conv2DTranspose": _TRANSPOSED,
    "Dense": KerasLayerType(
        LayerRole.KERNEL, dense.read_dense, kernel.KERNEL_AND_BIAS, fuses_activation=True
    ),
    "DepthwiseConv1D": _DEPTHWISE,
    "DepthwiseConv2D": _DEPTHWISE,
    "Dropout": _TRAINING_ONLY,
    "ELU": _ACTIVATION_LAYER,
    "EinsumDense": _KERNEL_ONLY_IN_KERAS,
    "Flatten": _RESHAPE,
    "GRU": _RECURRENT,
    "GaussianDropout": _TRAINING_ONLY,
    "GaussianNoise": _TRAINING_ONLY,
    "GlobalAveragePooling1D": _AVERAGE,
    "GlobalAveragePooling2D": _AVERAGE,
    "GlobalMaxPooling1D": _MAXIMUM,
    "GlobalMaxPooling2D": _MAXIMUM,
    "Identity": _TRAINING_ONLY,
    "LayerNormalization": KerasLayerType(
        LayerRole.OTHER,
        normalization.read_layer_normalization,
        normalization.SCALE_AND_CENTER_ARRAYS,
    ),
    "LSTM": _RECURRENT,
    "LeakyReLU": _ACTIVATION_LAYER,
    "MaxPooling1D": _MAX_POOL,
    "MaxPooling2D": _MAX_POOL,
    "Maximum": _MERGE,
    "Minimum": _MERGE,
    "MultiHeadAttention": KerasLayerType(LayerRole.OTHER, attention.read_multi_head_attention),
    "Multiply": _MERGE,
    "Normalization": KerasLayerType(LayerRole.AFFINE, normalization.read_normalization),
    "PReLU": KerasLayerType(LayerRole.ACTIVATION, keras_activation.read_prelu, (("alpha", ""),)),
    "ReLU": _ACTIVATION_LAYER,
    "Rescaling": KerasLayerType(LayerRole.AFFINE, normalization.read_rescaling),
    "Reshape": _RESHAPE,
    "SeparableConv1D": _SEPARABLE,
    "SeparableConv2D": _SEPARABLE,
    "SimpleRNN": _RECURRENT,
    "Softmax": KerasLayerType(LayerRole.ACTIVATION, keras_activation.read_softmax),
    "SpatialDropout1D": _TRAINING_ONLY,
    "SpatialDropout2D": _TRAINING_ONLY,
    "Subtract": _MERGE,
    "TimeDistributed": KerasLayerType(LayerRole.OTHER, _read_time_distributed),
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

    A layer outside the table, or with a setting that no node has, is left to Keras.

    Raises:
        Unsupported: it would be left to Keras, but only the file was read; or it keeps a state.
    """
    if getattr(call.layer, "stateful", False):
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) keeps its state from one window to the next",
            "build it with stateful=False; a file computes every window alone",
        )
    entry = KERAS_LAYERS.get(call.kind)
    if entry is None or not entry.supported:
        return keras_layer.read_opaque(call)
    if entry.read is None:
        return ()
    try:
        _check_settings(call)
        nodes = entry.read(call)
    except Unsupported as error:
        if call.run is None:
            raise
        return keras_layer.read_opaque(call, error.message)
    _check_shapes(call, nodes)
    return nodes


def _check_settings(call: KerasCall) -> None:
    """Raises Unsupported for what a node never is: channels-first, of integers."""
    layer, where = call.layer, f"layer '{call.label}' ({call.kind})"
    if getattr(layer, "quantization_mode", None):
        raise Unsupported(
            f"{where} is already quantized by Keras",
            "export the float model and let the scheme quantize it",
        )
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        raise Unsupported(f"{where} is channels-first", "use data_format channels_last")
    entry = KERAS_LAYERS[call.kind]
    if not entry.takes_integers and any(not value.is_float for value in call.inputs):
        raise Unsupported(f"{where} reads integers", "cast them to float32")


def _check_shapes(call: KerasCall, nodes: tuple[Node, ...]) -> None:
    """A reader that misunderstood its layer must not pass for right."""
    ours = [value.shape for value in (nodes[-1].outputs if nodes else call.inputs)]
    if call.results and ours != [value.shape for value in call.results]:
        shapes = [value.shape for value in call.results]
        raise ValueError(f"layer '{call.label}' ({call.kind}) gives {shapes}, its nodes {ours}")
