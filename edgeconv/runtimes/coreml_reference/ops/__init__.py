"""The table of operations: MIL's name → function, batch rule, rounding."""

from __future__ import annotations

import numpy as np

from edgeconv.runtimes.coreml_reference import batching
from edgeconv.runtimes.coreml_reference.ops import (
    activation,
    control,
    conv,
    elementwise,
    pool,
    quantization,
    random_ops,
    recurrent,
    reduction,
    resample,
    scatter_gather,
    shape,
    tensor,
)
from edgeconv.runtimes.coreml_reference.ops.elementwise import binary, unary
from edgeconv.runtimes.coreml_reference.ops.kernel import OpDefinition
from edgeconv.targets.coreml import weight_decompression

_ELEMENTWISE = batching.elementwise
_FIRST_AXIS = batching.first_axis("x")
_ALONG_AXES = batching.along_axis("x", "axes", None)

OPS: dict[str, OpDefinition] = {
    # activation
    "clamped_relu": OpDefinition(activation.clamped_relu, _ELEMENTWISE),
    "elu": OpDefinition(activation.elu, _ELEMENTWISE),
    "gelu": OpDefinition(activation.gelu, _FIRST_AXIS),
    "leaky_relu": OpDefinition(activation.leaky_relu, _ELEMENTWISE),
    "linear_activation": OpDefinition(activation.linear_activation, _ELEMENTWISE),
    "prelu": OpDefinition(activation.prelu, _FIRST_AXIS),
    "relu": OpDefinition(activation.relu, _ELEMENTWISE, exact=True),
    "relu6": OpDefinition(activation.relu6, _ELEMENTWISE, exact=True),
    "scaled_tanh": OpDefinition(activation.scaled_tanh, _ELEMENTWISE),
    "sigmoid": OpDefinition(activation.sigmoid, _ELEMENTWISE),
    "sigmoid_hard": OpDefinition(activation.sigmoid_hard, _ELEMENTWISE),
    "silu": OpDefinition(activation.silu, _ELEMENTWISE),
    "softmax": OpDefinition(activation.softmax, batching.along_axis()),
    "softplus": OpDefinition(activation.softplus, _ELEMENTWISE),
    "softplus_parametric": OpDefinition(activation.softplus_parametric, _FIRST_AXIS),
    "softsign": OpDefinition(activation.softsign, _ELEMENTWISE),
    "thresholded_relu": OpDefinition(activation.thresholded_relu, _ELEMENTWISE, exact=True),
    # classify
    "classify": OpDefinition(reduction.classify, batching.first_axis("probabilities")),
    # compression
    "constexpr_affine_dequantize": OpDefinition(weight_decompression.constexpr_affine_dequantize),
    "constexpr_blockwise_shift_scale": OpDefinition(
        weight_decompression.constexpr_blockwise_shift_scale
    ),
    "constexpr_cast": OpDefinition(weight_decompression.constexpr_cast),
    "constexpr_lut_to_dense": OpDefinition(weight_decompression.constexpr_lut_to_dense),
    "constexpr_lut_to_sparse": OpDefinition(weight_decompression.constexpr_lut_to_sparse),
    "constexpr_sparse_blockwise_shift_scale": OpDefinition(
        weight_decompression.constexpr_sparse_blockwise_shift_scale
    ),
    "constexpr_sparse_to_dense": OpDefinition(weight_decompression.constexpr_sparse_to_dense),
    "dequantize": OpDefinition(quantization.dequantize, batching.affine_scale),
    "quantize": OpDefinition(quantization.quantize, batching.affine_scale, exact=True),
    # control flow, lists, state
    "cond": OpDefinition(control.cond),
    "list_gather": OpDefinition(control.list_gather),
    "list_length": OpDefinition(control.list_length),
    "list_read": OpDefinition(control.list_read),
    "list_scatter": OpDefinition(control.list_scatter),
    "list_write": OpDefinition(control.list_write),
    "make_list": OpDefinition(control.make_list, variadic=("elem_shape",)),
    "read_state": OpDefinition(control.read_state, stateful=True),
    "select": OpDefinition(elementwise.select, _ELEMENTWISE, exact=True),
    "while_loop": OpDefinition(control.while_loop, variadic=("loop_vars",)),
    "write_state": OpDefinition(control.write_state, stateful=True),
    # conv
    "conv": OpDefinition(conv.conv, _FIRST_AXIS),
    "conv_quantized": OpDefinition(conv.conv_quantized, _FIRST_AXIS),
    "conv_transpose": OpDefinition(conv.conv_transpose, _FIRST_AXIS),
    # elementwise, unary
    "abs": OpDefinition(unary(np.abs), _ELEMENTWISE, exact=True),
    "acos": OpDefinition(unary(np.arccos), _ELEMENTWISE),
    "asin": OpDefinition(unary(np.arcsin), _ELEMENTWISE),
    "atan": OpDefinition(unary(np.arctan), _ELEMENTWISE),
    "atanh": OpDefinition(unary(np.arctanh), _ELEMENTWISE),
    "cast": OpDefinition(elementwise.cast, _FIRST_AXIS),
    "ceil": OpDefinition(unary(np.ceil), _ELEMENTWISE),
    "clip": OpDefinition(elementwise.clip, _ELEMENTWISE),
    "cos": OpDefinition(unary(np.cos), _ELEMENTWISE),
    "cosh": OpDefinition(unary(np.cosh), _ELEMENTWISE),
    "erf": OpDefinition(elementwise.erf, _ELEMENTWISE),
    "exp": OpDefinition(unary(np.exp), _ELEMENTWISE),
    "exp2": OpDefinition(unary(np.exp2), _ELEMENTWISE),
    "floor": OpDefinition(unary(np.floor), _ELEMENTWISE),
    "identity": OpDefinition(elementwise.identity, _FIRST_AXIS, exact=True),
    "inverse": OpDefinition(elementwise.inverse, _ELEMENTWISE),
    "log": OpDefinition(elementwise.log, _ELEMENTWISE),
    "logical_not": OpDefinition(unary(np.logical_not), _ELEMENTWISE),
    "round": OpDefinition(unary(np.rint), _ELEMENTWISE),
    "rsqrt": OpDefinition(elementwise.rsqrt, _ELEMENTWISE),
    "sign": OpDefinition(unary(np.sign), _ELEMENTWISE, exact=True),
    "sin": OpDefinition(unary(np.sin), _ELEMENTWISE),
    "sinh": OpDefinition(unary(np.sinh), _ELEMENTWISE),
    "sqrt": OpDefinition(unary(np.sqrt), _ELEMENTWISE),
    "square": OpDefinition(unary(np.square), _ELEMENTWISE),
    "tan": OpDefinition(unary(np.tan), _ELEMENTWISE),
    "tanh": OpDefinition(unary(np.tanh), _ELEMENTWISE),
    "threshold": OpDefinition(elementwise.threshold, _ELEMENTWISE, exact=True),
    # elementwise, binary
    "add": OpDefinition(binary(np.add), _ELEMENTWISE),
    "equal": OpDefinition(binary(np.equal), _ELEMENTWISE),
    "floor_div": OpDefinition(elementwise.floor_div, _ELEMENTWISE),
    "greater": OpDefinition(binary(np.greater), _ELEMENTWISE),
    "greater_equal": OpDefinition(binary(np.greater_equal), _ELEMENTWISE),
    "less": OpDefinition(binary(np.less), _ELEMENTWISE),
    "less_equal": OpDefinition(binary(np.less_equal), _ELEMENTWISE),
    "logical_and": OpDefinition(binary(np.logical_and), _ELEMENTWISE),
    "logical_or": OpDefinition(binary(np.logical_or), _ELEMENTWISE),
    "logical_xor": OpDefinition(binary(np.logical_xor), _ELEMENTWISE),
    "maximum": OpDefinition(binary(np.maximum), _ELEMENTWISE, exact=True),
    "minimum": OpDefinition(binary(np.minimum), _ELEMENTWISE, exact=True),
    "mod": OpDefinition(binary(np.mod), _ELEMENTWISE),
    "mul": OpDefinition(binary(np.multiply), _ELEMENTWISE),
    "not_equal": OpDefinition(binary(np.not_equal), _ELEMENTWISE),
    "pow": OpDefinition(elementwise.power, _ELEMENTWISE),
    "real_div": OpDefinition(elementwise.real_div, _ELEMENTWISE),
    "sub": OpDefinition(binary(np.subtract), _ELEMENTWISE),
    # image resizing
    "affine": OpDefinition(resample.affine),
    "crop": OpDefinition(shape.crop, _FIRST_AXIS, exact=True),
    "crop_resize": OpDefinition(resample.crop_resize),
    "resample": OpDefinition(resample.resample),
    "resize": OpDefinition(resample.resize),
    "resize_bilinear": OpDefinition(resample.resize_bilinear, _FIRST_AXIS),
    "resize_nearest_neighbor": OpDefinition(
        resample.resize_nearest_neighbor, _FIRST_AXIS, exact=True
    ),
    "upsample_bilinear": OpDefinition(resample.upsample_bilinear, _FIRST_AXIS),
    "upsample_nearest_neighbor": OpDefinition(
        resample.upsample_nearest_neighbor, _FIRST_AXIS, exact=True
    ),
    # linear
    "einsum": OpDefinition(conv.einsum, variadic=("values",)),
    "linear": OpDefinition(conv.linear, batching.linear),
    "matmul": OpDefinition(conv.matmul, batching.matmul),
    "scaled_dot_product_attention": OpDefinition(conv.scaled_dot_product_attention),
    # normalization
    "batch_norm": OpDefinition(activation.batch_norm, _FIRST_AXIS),
    "instance_norm": OpDefinition(activation.instance_norm, _FIRST_AXIS),
    "l2_norm": OpDefinition(activation.l2_norm, batching.rank_above("x", 3)),
    "layer_norm": OpDefinition(activation.layer_norm, _ALONG_AXES),
    "local_response_norm": OpDefinition(
        activation.local_response_norm, batching.rank_above("x", 3)
    ),
    # pool
    "avg_pool": OpDefinition(pool.avg_pool, _FIRST_AXIS),
    "l2_pool": OpDefinition(pool.l2_pool, _FIRST_AXIS),
    "max_pool": OpDefinition(pool.max_pool, _FIRST_AXIS, exact=True),
    # random
    "random_bernoulli": OpDefinition(random_ops.random_bernoulli, draws=True),
    "random_categorical": OpDefinition(random_ops.random_categorical, draws=True),
    "random_normal": OpDefinition(random_ops.random_normal, draws=True),
    "random_uniform": OpDefinition(random_ops.random_uniform, draws=True),
    # recurrent
    "gru": OpDefinition(recurrent.gru),
    "lstm": OpDefinition(recurrent.lstm),
    "rnn": OpDefinition(recurrent.rnn),
    # reduction
    "reduce_argmax": OpDefinition(reduction.reduce_argmax, batching.along_axis()),
    "reduce_argmin": OpDefinition(reduction.reduce_argmin, batching.along_axis()),
    "reduce_l1_norm": OpDefinition(reduction.reduce_l1_norm, _ALONG_AXES),
    "reduce_l2_norm": OpDefinition(reduction.reduce_l2_norm, _ALONG_AXES),
    "reduce_log_sum": OpDefinition(reduction.reduce_log_sum, _ALONG_AXES),
    "reduce_log_sum_exp": OpDefinition(reduction.reduce_log_sum_exp, _ALONG_AXES),
    "reduce_max": OpDefinition(reduction.reduce_max, _ALONG_AXES, exact=True),
    "reduce_mean": OpDefinition(reduction.reduce_mean, _ALONG_AXES),
    "reduce_min": OpDefinition(reduction.reduce_min, _ALONG_AXES, exact=True),
    "reduce_prod": OpDefinition(reduction.reduce_prod, _ALONG_AXES),
    "reduce_sum": OpDefinition(reduction.reduce_sum, _ALONG_AXES),
    "reduce_sum_square": OpDefinition(reduction.reduce_sum_square, _ALONG_AXES),
    # scatter, gather
    "gather": OpDefinition(scatter_gather.gather, exact=True),
    "gather_along_axis": OpDefinition(scatter_gather.gather_along_axis, exact=True),
    "gather_nd": OpDefinition(scatter_gather.gather_nd, exact=True),
    "scatter": OpDefinition(scatter_gather.scatter),
    "scatter_along_axis": OpDefinition(scatter_gather.scatter_along_axis),
    "scatter_nd": OpDefinition(scatter_gather.scatter_nd),
    # tensor operation
    "argsort": OpDefinition(tensor.argsort, batching.along_axis()),
    "band_part": OpDefinition(tensor.band_part, batching.rank_above("x", 2), exact=True),
    "concat": OpDefinition(shape.concat, batching.concat, exact=True, variadic=("values",)),
    "cumsum": OpDefinition(tensor.cumsum, batching.along_axis("x", "axis", 0)),
    "fill": OpDefinition(tensor.fill),
    "fill_like": OpDefinition(tensor.fill_like),
    "flatten2d": OpDefinition(tensor.flatten2d, exact=True),
    "non_maximum_suppression": OpDefinition(tensor.non_maximum_suppression, exact=True),
    "non_zero": OpDefinition(tensor.non_zero),
    "one_hot": OpDefinition(tensor.one_hot),
    "pad": OpDefinition(tensor.pad, exact=True),
    "range_1d": OpDefinition(tensor.range_1d),
    "shape": OpDefinition(tensor.shape),
    "split": OpDefinition(tensor.split, batching.along_axis("x", "axis", None), exact=True),
    "stack": OpDefinition(tensor.stack, exact=True, variadic=("values",)),
    "tile": OpDefinition(tensor.tile, exact=True),
    "topk": OpDefinition(tensor.topk, batching.along_axis(), exact=True),
    # tensor transformation
    "batch_to_space": OpDefinition(shape.batch_to_space, exact=True),
    "depth_to_space": OpDefinition(shape.depth_to_space, _FIRST_AXIS, exact=True),
    "expand_dims": OpDefinition(shape.expand_dims, batching.expand_dims, exact=True),
    "pixel_shuffle": OpDefinition(shape.pixel_shuffle, _FIRST_AXIS, exact=True),
    "pixel_unshuffle": OpDefinition(shape.pixel_unshuffle, _FIRST_AXIS, exact=True),
    "reshape": OpDefinition(shape.reshape, batching.reshape, exact=True),
    "reshape_like": OpDefinition(
        shape.reshape_like, exact=True, variadic=("ref_tensors", "begins", "ends", "end_masks")
    ),
    "reverse": OpDefinition(shape.reverse, _ALONG_AXES, exact=True),
    "reverse_sequence": OpDefinition(shape.reverse_sequence, exact=True),
    "slice_by_index": OpDefinition(shape.slice_by_index, batching.slice_by_index, exact=True),
    "slice_by_size": OpDefinition(shape.slice_by_size, batching.slice_by_size, exact=True),
    "slice_update": OpDefinition(shape.slice_update, exact=True),
    "sliding_windows": OpDefinition(
        shape.sliding_windows, batching.along_axis("x", "axis", None), exact=True
    ),
    "space_to_batch": OpDefinition(shape.space_to_batch, exact=True),
    "space_to_depth": OpDefinition(shape.space_to_depth, _FIRST_AXIS, exact=True),
    "squeeze": OpDefinition(shape.squeeze, batching.squeeze, exact=True),
    "transpose": OpDefinition(shape.transpose, batching.transpose, exact=True),
}
