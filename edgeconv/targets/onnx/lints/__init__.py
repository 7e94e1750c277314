"""Lints of ONNX files: the message is read, nothing is run."""

from __future__ import annotations

from edgeconv.core.export_report import Severity
from edgeconv.targets.lints import (
    Rule,
    against_contract,
    dynamic_batch,
    dynamic_shape,
    infinite,
    no_contract,
    none_at_all,
    not_a_number,
)
from edgeconv.targets.onnx.lints import rules
from edgeconv.targets.onnx.lints.rules import ONNXFile

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

RULES: tuple[Rule[ONNXFile], ...] = (
    Rule(
        "L102",
        _ERROR,
        "NaN among the constants",
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
        "an int32 bias at the end of its range",
        rules.bias_overflow,
        "quantize again with ONNX Runtime 1.20 or later, which widens the weights' scale",
    ),
    Rule(
        "L201",
        _ERROR,
        "an input that cannot hold what the file's own sensor contract says",
        against_contract,
        "export again with an input of the contract's size",
    ),
    Rule(
        "L307",
        _WARNING,
        "negative `pads` of a convolution or pool, which ONNX does not allow; or `auto_pad` SAME "
        "with a stride larger than the kernel, of which runtimes make different things",
        rules.negative_padding,
        "take a kernel as large as the stride, or slice the input and write `pads` of 0",
    ),
    Rule(
        "L104",
        _WARNING,
        "no weights at all",
        none_at_all,
        "make sure that the trained model was converted, not an empty one",
    ),
    Rule(
        "L701",
        _WARNING,
        "samples give a value above 65,504 in a float file (needs `--data`)",
        rules.float16_overflow,
        "the Neural Engine and phones' GPUs compute in float16: scale the layer's weights down, or "
        "run the file on the CPU only",
    ),
    Rule(
        "L403",
        _WARNING,
        "values in double precision",
        rules.doubles,
        "convert in float32: mobile kernels have no double precision, or are slow in it",
    ),
    Rule(
        "L503",
        _WARNING,
        "an opset above 21 (ONNX 1.16, 2024), which runtimes in apps may not have",
        rules.new_opset,
        "convert with opset 17 to 21, or make sure that the app's ONNX Runtime is recent enough",
    ),
    Rule(
        "L402",
        _WARNING,
        "operations outside ONNX's, ONNX Runtime's and the file's own",
        rules.custom,
        "register the operation's library in the app, or replace the layer",
    ),
    Rule(
        "L304",
        _WARNING,
        "a free first dimension, which the accelerators of phones refuse",
        dynamic_batch,
        "convert with a batch of 1: the accelerators of phones (NNAPI, Core ML, QNN) want one",
    ),
    Rule(
        "L305",
        _WARNING,
        "another free dimension",
        dynamic_shape,
        "convert with a fixed shape: the accelerators of phones (NNAPI, Core ML, QNN) want one",
    ),
    Rule(
        "L406",
        _WARNING,
        "more than one transpose, with the number of operations that only move values",
        rules.transposes,
        "convert from a channels-first trace, so that kernels need no transposes around them",
    ),
    Rule(
        "L105",
        _WARNING,
        "weights in another file, which must be shipped too",
        rules.outside,
        "ship both files, in the same folder",
    ),
    Rule(
        "L208", _WARNING, "an input that no operation reads", rules.unused_inputs, "drop the input"
    ),
    Rule("L409", _WARNING, "operations that no output needs", rules.dead, "convert again"),
    Rule(
        "L205",
        _WARNING,
        "names that a converter invented",
        rules.names,
        "name inputs and outputs when converting (PyTorch: input_names, output_names)",
    ),
    Rule(
        "L202",
        _WARNING,
        "nothing says what the input means",
        no_contract,
        "export with edgeconv, which writes the sensor contract into the file",
    ),
    Rule(
        "L203",
        _WARNING,
        "a softmax at the end and no labels",
        rules.no_labels,
        "add the class names to the file's metadata, or export with edgeconv",
    ),
)
"""Every rule, the gravest first."""
