"""Mistakes that an implementer of MIL could make, each put in the place of the right operation.

The sample of tests that CI runs must notice every one of them.
"""

from __future__ import annotations

import numpy as np

from .breaking import Wrong
from .mistakes import (
    always,
    away_from_zero,
    blocks,
    by,
    exact_gelu,
    flipped_kernel,
    given_as,
    last_of_ties,
    quantized_away,
    rolled,
    shared_channels,
    sides,
    swapped,
    tanh_gelu,
    then,
    unscaled_attention,
    without,
)

ALIGNED = "STRICT_ALIGN_CORNERS"

MUTATIONS: dict[str, tuple[str, Wrong]] = {
    # convolution and pooling
    "conv ignores dilations": ("conv", without("dilations")),
    "conv takes same_lower for same": ("conv", given_as("pad_type", lambda p: p.split("_")[0])),
    "conv pads the wrong side": ("conv", given_as("pad", sides)),
    "conv flips the kernel": ("conv", given_as("weight", flipped_kernel)),
    "conv forgets the bias": ("conv", without("bias")),
    "conv exchanges strides": ("conv", given_as("strides", lambda s: s[::-1])),
    "conv_transpose ignores output_shape": ("conv_transpose", without("output_shape")),
    "conv_transpose ignores dilations": ("conv_transpose", without("dilations")),
    "conv_transpose flips the kernel": ("conv_transpose", given_as("weight", flipped_kernel)),
    "max_pool's window begins one late": ("max_pool", given_as("x", rolled(-1))),
    "max_pool's window is one too long": ("max_pool", given_as("kernel_sizes", lambda k: k + 1)),
    "max_pool ignores ceil_mode": ("max_pool", without("ceil_mode")),
    "avg_pool counts padding": ("avg_pool", always("exclude_padding_from_average", False)),
    "avg_pool leaves padding out": ("avg_pool", always("exclude_padding_from_average", True)),
    "l2_pool forgets the root": ("l2_pool", then(np.square)),
    # activations
    "gelu by tanh for the exact one": ("gelu", by(tanh_gelu)),
    "gelu exact for the one by tanh": ("gelu", by(exact_gelu)),
    "softmax along the first axis": ("softmax", always("axis", 0)),
    "softmax overflows": (
        "softmax",
        by(lambda x, axis=-1: np.exp(x) / np.exp(x).sum(axis=int(axis), keepdims=True)),
    ),
    "elu without alpha": ("elu", always("alpha", np.float32(1))),
    "sigmoid_hard without limits": (
        "sigmoid_hard",
        by(lambda x, alpha, beta: alpha * x + beta),
    ),
    "thresholded_relu cuts to alpha": (
        "thresholded_relu",
        by(lambda x, alpha: np.maximum(x, alpha)),
    ),
    "prelu along the last axis": ("prelu", by(lambda x, alpha: np.where(x > 0, x, x * alpha[-1]))),
    "scaled_tanh exchanges alpha and beta": ("scaled_tanh", swapped("alpha", "beta")),
    # elementwise
    "floor for round": ("round", by(lambda x: np.floor(x))),
    "round takes halves away from zero": ("round", by(away_from_zero)),
    "floor_div rounds toward zero": ("floor_div", by(lambda x, y: np.trunc(x / y))),
    "mod has the sign of x": ("mod", by(lambda x, y: np.fmod(x, y))),
    "real_div of integers keeps the fraction": ("real_div", by(lambda x, y: x // y)),
    "cast rounds": ("cast", given_as("x", lambda x: np.rint(x) if x.dtype.kind == "f" else x)),
    "select exchanges its values": ("select", swapped("a", "b")),
    "rsqrt forgets epsilon": ("rsqrt", always("epsilon", np.float32(0))),
    "log forgets epsilon": ("log", always("epsilon", np.float32(0))),
    "inverse forgets epsilon": ("inverse", always("epsilon", np.float32(0))),
    "clip without its upper end": ("clip", always("beta", np.float32(np.inf))),
    # reduction
    "reduce_argmax takes the last of ties": ("reduce_argmax", by(last_of_ties(np.argmax))),
    "reduce_argmin takes the last of ties": ("reduce_argmin", by(last_of_ties(np.argmin))),
    "reduce_l2_norm forgets the root": ("reduce_l2_norm", then(np.square)),
    "reduce_mean drops the dimensions": ("reduce_mean", always("keep_dims", False)),
    "cumsum exclusive as inclusive": ("cumsum", without("exclusive")),
    "cumsum ignores reverse": ("cumsum", without("reverse")),
    # normalization
    "layer_norm forgets epsilon": ("layer_norm", always("epsilon", np.float32(0))),
    "instance_norm forgets epsilon": ("instance_norm", always("epsilon", np.float32(0))),
    "batch_norm forgets epsilon": ("batch_norm", always("epsilon", np.float32(0))),
    "batch_norm exchanges mean and variance": ("batch_norm", swapped("mean", "variance")),
    "local_response_norm divides not by size": (
        "local_response_norm",
        lambda function, **given: function(**{**given, "alpha": given["alpha"] * given["size"]}),
    ),
    # linear
    "matmul ignores transpose_y": ("matmul", without("transpose_y")),
    "linear forgets the bias": ("linear", without("bias")),
    "einsum transposed": ("einsum", then(lambda made: np.swapaxes(made, -1, -2))),
    "attention is not scaled": ("scaled_dot_product_attention", unscaled_attention),
    "attention ignores the mask": ("scaled_dot_product_attention", without("attn_mask")),
    # recurrent
    "lstm takes its gates in Keras' order": (
        "lstm",
        given_as("weight_ih", blocks(4, [0, 1, 3, 2])),
    ),
    "lstm ignores the peephole": ("lstm", without("peephole", "peephole_back")),
    "lstm's way back uses the forward weights": (
        "lstm",
        lambda function, **given: function(
            **{k: given[k.removesuffix("_back")] if "weight" in k else v for k, v in given.items()}
        ),
    ),
    "gru ignores reset_after": ("gru", without("reset_after")),
    "gru exchanges reset and update": ("gru", given_as("weight_ih", blocks(3, [2, 1, 0]))),
    "rnn runs forward": ("rnn", always("direction", "forward")),
    # tensors
    "pad reflects with the edge": (
        "pad",
        given_as("mode", lambda m: m.replace("reflect", "replicate")),
    ),
    "pad exchanges its sides": ("pad", given_as("pad", sides)),
    "pad with zeros": ("pad", without("constant_val")),
    "gather ignores batch_dims": ("gather", without("batch_dims")),
    "gather along the first axis": ("gather", without("axis")),
    "scatter replaces": ("scatter", always("mode", "update")),
    "scatter_nd replaces": ("scatter_nd", always("mode", "update")),
    "slice_by_index ignores stride": ("slice_by_index", without("stride")),
    "slice_by_index ignores begin_mask": ("slice_by_index", without("begin_mask")),
    "slice_by_index ignores end_mask": ("slice_by_index", without("end_mask")),
    "depth_to_space in the order of pixel_shuffle": ("depth_to_space", shared_channels),
    "band_part exchanges its sides": ("band_part", swapped("lower", "upper")),
    "reverse_sequence ignores lengths": (
        "reverse_sequence",
        lambda function, **given: function(
            **{
                **given,
                "lengths": np.full_like(given["lengths"], given["x"].shape[given["seq_axis"]]),
            }
        ),
    ),
    "concat ignores interleave": ("concat", without("interleave")),
    "topk ignores ascending": ("topk", without("ascending")),
    "argsort ignores ascending": ("argsort", without("ascending")),
    "one_hot exchanges on and off": ("one_hot", swapped("on_value", "off_value")),
    "range_1d includes its end": (
        "range_1d",
        lambda function, **given: function(**{**given, "end": given["end"] + given["step"]}),
    ),
    "tile along the wrong axis": ("tile", given_as("reps", lambda reps: reps[::-1])),
    "non_maximum_suppression keeps overlaps": (
        "non_maximum_suppression",
        always("iou_threshold", np.float32(2)),
    ),
    # image resizing
    "resize_bilinear always aligns corners": ("resize_bilinear", always("sampling_mode", ALIGNED)),
    "resize_bilinear never aligns corners": ("resize_bilinear", without("sampling_mode")),
    "upsample_bilinear aligns corners": ("upsample_bilinear", always("align_corners", True)),
    "crop_resize takes width first": (
        "crop_resize",
        given_as("box_coordinate_mode", lambda mode: mode.replace("HEIGHT", "WIDTH")),
    ),
    "resample exchanges rows and columns": (
        "resample",
        given_as("coordinates", lambda places: places[..., ::-1]),
    ),
    "affine exchanges the rows of its matrix": (
        "affine",
        given_as("transform_matrix", lambda m: m.reshape(-1, 2, 3)[:, ::-1].reshape(m.shape)),
    ),
    # compression
    "palette backwards": (
        "constexpr_lut_to_dense",
        given_as("lut", lambda lut: np.flip(lut, -2 if lut.ndim > 1 else 0)),
    ),
    "constexpr_affine_dequantize adds the zero point": (
        "constexpr_affine_dequantize",
        given_as("zero_point", lambda zero: -np.asarray(zero, np.int32)),
    ),
    "constexpr_blockwise_shift_scale adds the offset": (
        "constexpr_blockwise_shift_scale",
        given_as("offset", lambda offset: -np.asarray(offset, np.float32)),
    ),
    "dequantize adds the zero point": (
        "dequantize",
        given_as("zero_point", lambda zero: -np.asarray(zero, np.int32)),
    ),
    "quantize takes halves away from zero": ("quantize", by(quantized_away)),
    "sparse entries in reverse": (
        "constexpr_sparse_to_dense",
        given_as("nonzero_data", lambda data: data[::-1]),
    ),
    # control flow
    "while_loop runs once more": (
        "while_loop",
        lambda function, **given: tuple(given["subgraphs"][1](*function(**given))),
    ),
    "cond takes the other branch": ("cond", given_as("pred", np.logical_not)),
    "list_write one late": ("list_write", given_as("index", lambda index: index + 1)),
}
