"""Lints of TFLite files: the flatbuffer is read, nothing is run."""

from __future__ import annotations

from edgeconv.core.export_report import Severity
from edgeconv.targets.lints import Rule, infinite, none_at_all, not_a_number
from edgeconv.targets.tflite.lints import numbers, rules
from edgeconv.targets.tflite.lints.rules import TFLiteFile

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

RULES: tuple[Rule[TFLiteFile], ...] = (
    Rule(
        "L102",
        _ERROR,
        "NaN among constants or scales",
        not_a_number,
        "the trained model diverged or calibration saw NaN: look at both",
    ),
    Rule(
        "L103",
        _ERROR,
        "infinity among constants of more than one number",
        infinite,
        "scale the weights, or convert with float32 weights",
    ),
    Rule(
        "L106",
        _ERROR,
        "an int32 bias that, with the largest products of the layer's integers, leaves int32",
        numbers.bias_overflow,
        "a channel with weights near zero has a scale near zero: prune it, or scale its weights up "
        "and those of the next layer down, and convert again",
    ),
    Rule(
        "L401",
        _ERROR,
        "TensorFlow operations, which need the Flex library in the app",
        rules.flex,
        "replace the layer, or ship TensorFlow's Flex library with the app",
    ),
    Rule(
        "L201",
        _ERROR,
        "an input that cannot hold what the file's own sensor contract says",
        rules.against_contract,
        "export again with a float or quantized input of the contract's size",
    ),
    Rule(
        "L206",
        _ERROR,
        "an int8, uint8 or int16 input or output without a scale",
        rules.unscaled,
        "convert again with a representative data set, so that inputs and outputs get a scale",
    ),
    Rule(
        "L209",
        _ERROR,
        "class names that are blank, there twice, hold a line break, or are not as many as the "
        "classes",
        rules.broken_labels,
        "give each class a name of its own, on one line",
    ),
    Rule(
        "L104",
        _WARNING,
        "no weights at all",
        none_at_all,
        "make sure that the trained model was converted, not an empty one",
    ),
    Rule(
        "L402",
        _WARNING,
        "operations that the app must register",
        rules.custom,
        "register the operation in the app's interpreter, or replace the layer",
    ),
    Rule(
        "L701",
        _WARNING,
        "samples give a value above 65,504 in a float file (needs `--data`)",
        numbers.float16_overflow,
        "GPU delegates compute in float16 unless the app forbids it: scale the layer's weights "
        "down, or run the file on the CPU only",
    ),
    Rule(
        "L413",
        _WARNING,
        "an element-wise operation on two computed values of different rank",
        numbers.mixed_ranks,
        "reshape the value of lower rank to that of the other before the operation",
    ),
    Rule(
        "L405",
        _WARNING,
        "float operations, and QUANTIZE or DEQUANTIZE, in the middle of a quantized file",
        rules.float_inside,
        "each crossing costs a copy: replace what has no int8 kernel, or keep the file float",
    ),
    Rule(
        "L304",
        _WARNING,
        "a free first dimension, which delegates refuse",
        rules.dynamic_batch,
        "convert with a batch of 1: delegates refuse a free one",
    ),
    Rule(
        "L305",
        _WARNING,
        "another free dimension",
        rules.dynamic_shape,
        "convert with a fixed shape: delegates refuse a free one",
    ),
    Rule(
        "L208", _WARNING, "an input that no operation reads", rules.unused_inputs, "drop the input"
    ),
    Rule(
        "L409", _WARNING, "operations that no output needs", rules.dead_operations, "convert again"
    ),
    Rule(
        "L205",
        _WARNING,
        "names that a converter invented",
        rules.names,
        "convert from a concrete function whose inputs and outputs have names",
    ),
    Rule(
        "L202",
        _WARNING,
        "nothing says what the input means",
        rules.contract,
        "export with edgeconv, which writes the sensor contract into the file",
    ),
    Rule(
        "L203",
        _WARNING,
        "a softmax at the end and no labels",
        rules.labels,
        "append labels.txt as the file's metadata allow, or export with edgeconv",
    ),
)
"""Every rule, the gravest first."""
