"""Lints of Core ML packages: the protobuf is read, nothing is run."""

from __future__ import annotations

from edgeconv.targets.coreml.lints import interface, layout, placement, values, versions, weights
from edgeconv.targets.coreml.lints.versions import PackageView
from edgeconv.targets.lints import Rule, Severity

_ERROR, _WARNING, _HINT = Severity.ERROR, Severity.WARNING, Severity.HINT
_MEASURE = "a hint, not a fact: look at Xcode's performance report before you change anything"

RULES: tuple[Rule[PackageView], ...] = (
    Rule(
        "L101",
        "weights-missing",
        _ERROR,
        weights.missing,
        "copy the whole .mlpackage folder again, or export it again",
    ),
    Rule(
        "L102",
        "weights-nan",
        _ERROR,
        weights.not_a_number,
        "the trained model diverged or a statistic was 0/0: look at it before the conversion",
    ),
    Rule(
        "L103",
        "weights-infinite",
        _ERROR,
        weights.infinite,
        "scale the weights, or export in float32",
    ),
    Rule(
        "L301",
        "shape-mismatch",
        _ERROR,
        values.contradicting,
        "export it again: Core ML does not run a program that contradicts itself",
    ),
    Rule(
        "L501",
        "newer-than-target",
        _ERROR,
        versions.newer_than_target,
        "export with the deployment target that the operation needs",
    ),
    Rule(
        "L201",
        "contract-input",
        _ERROR,
        values.against_contract,
        "export again with a float input of the contract's size",
    ),
    Rule(
        "L302",
        "flexible-but-static",
        _ERROR,
        interface.flexible_but_static,
        "trace the model with a free dimension, or drop the flexible shape",
    ),
    Rule("L403", "float64", _ERROR, values.float64, "cast to float32 before the conversion"),
    Rule(
        "L209",
        "broken-labels",
        _ERROR,
        interface.broken_labels,
        "give each class a name of its own, on one line",
    ),
    Rule(
        "L104",
        "weights-none",
        _WARNING,
        weights.none_at_all,
        "make sure that the trained model was converted, not an empty one",
    ),
    Rule(
        "L207",
        "int32-input",
        _WARNING,
        values.integers_as_int32,
        "give the model a float input, or build an INT8 input with MIL for iOS 26",
    ),
    Rule(
        "L406",
        "layout-operations",
        _WARNING,
        layout.avoidable,
        "trace the network channels-first (NCHW), so that no transpose is left between its layers",
    ),
    Rule(
        "L407",
        "unfused-bias",
        _WARNING,
        placement.biases,
        "fold the bias into the layer before it",
    ),
    Rule(
        "L408",
        "unfused-scale",
        _WARNING,
        placement.scales,
        "fold the factors into the weights of the layer before it",
    ),
    Rule(
        "L404",
        "float32-inside",
        _WARNING,
        values.float32_inside_float16,
        "each cast costs a copy: let the whole program compute in float16, or say why not",
    ),
    Rule(
        "L210",
        "flexible-classifier",
        _WARNING,
        interface.flexible_classifier,
        "fix the input to one size, or give an array of probabilities instead of a dictionary",
    ),
    Rule(
        "L211",
        "state",
        _WARNING,
        interface.states,
        "begin each window with a new state (makeState); here every window begins with zeros",
    ),
    Rule("L208", "unused-input", _WARNING, interface.unused_inputs, "drop the input"),
    Rule(
        "L409",
        "dead-operations",
        _WARNING,
        interface.dead_operations,
        "convert again with coremltools' default passes, which drop them",
    ),
    Rule(
        "L205",
        "converter-names",
        _WARNING,
        interface.names,
        "coremltools.utils.rename_feature; an app is written against these names",
    ),
    Rule(
        "L202",
        "no-contract",
        _WARNING,
        interface.contract,
        "export with edgeconv, or write the sensor contract into the user-defined fields",
    ),
    Rule(
        "L203",
        "no-labels",
        _WARNING,
        interface.labels,
        "convert with coremltools.ClassifierConfig(labels)",
    ),
    Rule(
        "L204",
        "no-description",
        _HINT,
        interface.description,
        "set short_description, author and license of the MLModel",
    ),
    Rule(
        "L502",
        "target-higher-than-needed",
        _HINT,
        versions.higher_than_needed,
        "a lower deployment target reaches older phones",
    ),
    Rule("L601", "neural-engine-float32", _HINT, placement.float32, _MEASURE),
    Rule("L602", "neural-engine-rank", _HINT, placement.high_rank, _MEASURE),
    Rule("L603", "neural-engine-channels-last", _HINT, placement.channels_last, _MEASURE),
    Rule("L604", "neural-engine-dynamic-shape", _HINT, placement.dynamic_shapes, _MEASURE),
    Rule("L605", "neural-engine-control-flow", _HINT, placement.control_flow, _MEASURE),
    Rule("L606", "neural-engine-recurrent", _HINT, placement.recurrent, _MEASURE),
    Rule("L607", "neural-engine-operation", _HINT, placement.rare_operations, _MEASURE),
    Rule("L608", "neural-engine-kernel", _HINT, placement.large_kernels, _MEASURE),
)
"""Every rule that reads the file alone, the most severe first. What only running shows is in
`edgeconv.workflows.steps.flexible_lint`."""
