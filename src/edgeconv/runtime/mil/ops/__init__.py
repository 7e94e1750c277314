"""The table of operations: MIL's name → function, batch rule, rounding."""

from __future__ import annotations

from edgeconv.runtime.mil import batching as rule
from edgeconv.runtime.mil.ops import (
    activation,
    classify,
    compression,
    conv,
    elementwise,
    linear,
    pool,
    reduction,
    shape,
)
from edgeconv.runtime.mil.ops.op import Op

OPS: dict[str, Op] = {
    # activation
    "relu": Op(activation.relu, rule.elementwise, exact=True),
    "softmax": Op(activation.softmax, rule.along_axis()),
    # classify
    "classify": Op(classify.classify, rule.first_axis("probabilities")),
    # compression
    "constexpr_affine_dequantize": Op(compression.constexpr_affine_dequantize),
    "constexpr_blockwise_shift_scale": Op(compression.constexpr_blockwise_shift_scale),
    "constexpr_cast": Op(compression.constexpr_cast),
    "constexpr_lut_to_dense": Op(compression.constexpr_lut_to_dense),
    "constexpr_lut_to_sparse": Op(compression.constexpr_lut_to_sparse),
    "constexpr_sparse_blockwise_shift_scale": Op(
        compression.constexpr_sparse_blockwise_shift_scale
    ),
    "constexpr_sparse_to_dense": Op(compression.constexpr_sparse_to_dense),
    "dequantize": Op(compression.dequantize, rule.affine_scale),
    "quantize": Op(compression.quantize, rule.affine_scale, exact=True),
    # conv
    "conv": Op(conv.conv, rule.first_axis("x")),
    # elementwise
    "add": Op(elementwise.add, rule.elementwise),
    "cast": Op(elementwise.cast, rule.first_axis("x")),
    "identity": Op(elementwise.identity, rule.first_axis("x"), exact=True),
    "mul": Op(elementwise.mul, rule.elementwise),
    "real_div": Op(elementwise.real_div, rule.elementwise),
    "sub": Op(elementwise.sub, rule.elementwise),
    # linear
    "linear": Op(linear.linear, rule.linear),
    "matmul": Op(linear.matmul, rule.matmul),
    # pool
    "avg_pool": Op(pool.avg_pool, rule.first_axis("x")),
    "max_pool": Op(pool.max_pool, rule.first_axis("x"), exact=True),
    # reduction
    "reduce_mean": Op(reduction.reduce_mean, rule.along_axis("x", "axes", None)),
    # tensor operation and transformation
    "concat": Op(shape.concat, rule.concat, exact=True, variadic=("values",)),
    "expand_dims": Op(shape.expand_dims, rule.expand_dims, exact=True),
    "reshape": Op(shape.reshape, rule.reshape, exact=True),
    "slice_by_index": Op(shape.slice_by_index, rule.slice_by_index, exact=True),
    "slice_by_size": Op(shape.slice_by_size, rule.slice_by_size, exact=True),
    "squeeze": Op(shape.squeeze, rule.squeeze, exact=True),
    "transpose": Op(shape.transpose, rule.transpose, exact=True),
}
