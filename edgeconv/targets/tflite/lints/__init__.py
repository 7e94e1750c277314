"""Lints of TFLite files: the flatbuffer is read, nothing is run."""

from __future__ import annotations

from edgeconv.targets.lints import Rule, Severity
from edgeconv.targets.tflite.lints import rules
from edgeconv.targets.tflite.lints.rules import TFLiteFile

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

RULES: tuple[Rule[TFLiteFile], ...] = (
    Rule(
        "L102",
        "weights-nan",
        _ERROR,
        rules.not_a_number,
        "the trained model diverged or calibration saw NaN: look at both",
    ),
    Rule(
        "L103",
        "weights-infinite",
        _ERROR,
        rules.infinite,
        "scale the weights, or convert with float32 weights",
    ),
    Rule(
        "L401",
        "flex-operation",
        _ERROR,
        rules.flex,
        "replace the layer, or ship TensorFlow's Flex library with the app",
    ),
    Rule(
        "L201",
        "contract-input",
        _ERROR,
        rules.against_contract,
        "export again with a float or quantized input of the contract's size",
    ),
    Rule(
        "L206",
        "no-scale",
        _ERROR,
        rules.unscaled,
        "convert again with a representative data set, so that inputs and outputs get a scale",
    ),
    Rule(
        "L209",
        "broken-labels",
        _ERROR,
        rules.broken_labels,
        "give each class a name of its own, on one line",
    ),
    Rule(
        "L104",
        "weights-none",
        _WARNING,
        rules.none_at_all,
        "make sure that the trained model was converted, not an empty one",
    ),
    Rule(
        "L402",
        "custom-operation",
        _WARNING,
        rules.custom,
        "register the operation in the app's interpreter, or replace the layer",
    ),
    Rule(
        "L405",
        "float-inside",
        _WARNING,
        rules.float_inside,
        "each crossing costs a copy: replace what has no int8 kernel, or keep the file float",
    ),
    Rule(
        "L304",
        "dynamic-batch",
        _WARNING,
        rules.dynamic_batch,
        "convert with a batch of 1: delegates refuse a free one",
    ),
    Rule(
        "L305",
        "dynamic-shape",
        _WARNING,
        rules.dynamic_shape,
        "convert with a fixed shape: delegates refuse a free one",
    ),
    Rule("L208", "unused-input", _WARNING, rules.unused_inputs, "drop the input"),
    Rule("L409", "dead-operations", _WARNING, rules.dead_operations, "convert again"),
    Rule(
        "L205",
        "converter-names",
        _WARNING,
        rules.names,
        "convert from a concrete function whose inputs and outputs have names",
    ),
    Rule(
        "L202",
        "no-contract",
        _WARNING,
        rules.contract,
        "export with edgeconv, which writes the sensor contract into the file",
    ),
    Rule(
        "L203",
        "no-labels",
        _WARNING,
        rules.labels,
        "append labels.txt as the file's metadata allow, or export with edgeconv",
    ),
)
"""Every rule, the gravest first."""
