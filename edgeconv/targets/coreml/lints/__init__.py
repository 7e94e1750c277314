"""Lints of Core ML packages: the protobuf is read, nothing is run."""

from __future__ import annotations

from edgeconv.core.export_report import Severity
from edgeconv.targets.coreml.lints import (
    float16,
    interface,
    layout,
    placement,
    values,
    versions,
    weights,
)
from edgeconv.targets.coreml.lints.versions import PackageView
from edgeconv.targets.lints import Rule

_ERROR, _WARNING, _HINT = Severity.ERROR, Severity.WARNING, Severity.HINT
_MEASURE = "a hint, not a fact: look at Xcode's performance report before you change anything"

RULES: tuple[Rule[PackageView], ...] = (
    Rule(
        "L101",
        _ERROR,
        "a weight whose bytes are not in `weights/weight.bin`, or are too few or too many",
        weights.missing,
        "copy the whole .mlpackage folder again, or export it again",
    ),
    Rule(
        "L102",
        _ERROR,
        "NaN among the constants",
        weights.not_a_number,
        "the trained model diverged or a statistic was 0/0: look at it before the conversion",
    ),
    Rule(
        "L103",
        _ERROR,
        "infinity among weights, biases and factors, mostly float32 weights above 65,504 written "
        "as float16; −∞ alone in a mask is correct",
        weights.infinite,
        "scale the weights, or export in float32",
    ),
    Rule(
        "L701",
        _ERROR,
        "samples give a value above 65,504 where the program computes in float16 (needs `--data`)",
        float16.overflow,
        "scale the layer's weights down and those of the next layer up by the same factor, or "
        "export in float32",
    ),
    Rule(
        "L301",
        _ERROR,
        "an operation whose operands do not fit each other or its declared result",
        values.contradicting,
        "export it again: Core ML does not run a program that contradicts itself",
    ),
    Rule(
        "L306",
        _ERROR,
        "a value of more than five dimensions",
        values.high_rank,
        "reshape away dimensions of size 1, or put two into one, before the operation",
    ),
    Rule(
        "L501",
        _ERROR,
        "an operation, parameter or type that came with a later iOS than the specification version "
        "says",
        versions.newer_than_target,
        "export with the deployment target that the operation needs",
    ),
    Rule(
        "L201",
        _ERROR,
        "an input that is not float or has another size than the file's own sensor contract",
        values.against_contract,
        "export again with a float input of the contract's size",
    ),
    Rule(
        "L302",
        _ERROR,
        "a shape that the description calls flexible and the program fixes",
        interface.flexible_but_static,
        "trace the model with a free dimension, or drop the flexible shape",
    ),
    Rule(
        "L303",
        _ERROR,
        "observed by running: a declared size at which the program fails (a converter silently "
        "accepts a flexible shape for a network traced with a fixed one); as a `hint`: a size that "
        "could not be run here",
        None,
        "trace the model with a free dimension, or allow only the sizes that work",
    ),
    Rule(
        "L210",
        _ERROR,
        "a classifier whose probabilities have a free dimension",
        interface.flexible_classifier,
        "fix the input to one size, or give an array of probabilities instead of a dictionary",
    ),
    Rule(
        "L403",
        _ERROR,
        "double precision, which ML programs do not compute in",
        values.float64,
        "cast to float32 before the conversion",
    ),
    Rule(
        "L209",
        _ERROR,
        "class names that are blank, there twice or hold a line break",
        interface.broken_labels,
        "give each class a name of its own, on one line",
    ),
    Rule(
        "L212",
        _WARNING,
        "a classifier whose input may have several sizes, with a fixed number of probabilities",
        interface.classifier_of_many_sizes,
        "compile it in Xcode before it ships, or fix the input to one size",
    ),
    Rule(
        "L410",
        _WARNING,
        "`softplus` in float16, unless samples (`--data`) stay below 10.4",
        float16.softplus,
        "build it as max(x, 0) + log(1 + exp(−|x|)), as edgeconv's own export does, or keep the "
        "model off the Neural Engine",
    ),
    Rule(
        "L411",
        _WARNING,
        "`reduce_log_sum_exp` in float16, unless the exponentials of samples (`--data`) sum up to "
        "less than 65,504",
        float16.log_sum_exp,
        "subtract the maximum before and add it after, or keep the model off the Neural Engine",
    ),
    Rule(
        "L412",
        _WARNING,
        "the logarithm of a softmax in float16",
        float16.log_of_softmax,
        "give logits and take the logarithm in the app, or compute x − max(x) − log Σ exp(x − "
        "max(x))",
    ),
    Rule(
        "L504",
        _WARNING,
        "calibrated integer activations written by coremltools 9.0 or older, which kept the range "
        "of the last sample only",
        versions.last_sample_only,
        "calibrate again with coremltools 9.1, or export with edgeconv, which calibrates itself",
    ),
    Rule(
        "L307",
        _WARNING,
        "`same` padding whose total is negative: the stride is larger than the kernel",
        values.negative_padding,
        "take a kernel as large as the stride, or crop the input and pad explicitly",
    ),
    Rule(
        "L104",
        _WARNING,
        "no weights at all",
        weights.none_at_all,
        "make sure that the trained model was converted, not an empty one",
    ),
    Rule(
        "L207",
        _WARNING,
        "an INT32 input that is cast to float at once: what TensorFlow's front end makes of an "
        "int8 or uint8 input",
        values.integers_as_int32,
        "give the model a float input, or build an INT8 input with MIL for iOS 26",
    ),
    Rule(
        "L406",
        _WARNING,
        "more transposes, reshapes, squeezes than needed, with their number, names, and how many "
        "would do",
        layout.avoidable,
        "trace the network channels-first (NCHW), so that no transpose is left between its layers",
    ),
    Rule(
        "L407",
        _WARNING,
        "a constant per channel added behind a convolution or product",
        placement.biases,
        "fold the bias into the layer before it",
    ),
    Rule(
        "L408",
        _WARNING,
        "a factor per channel, or a batch normalization, behind one",
        placement.scales,
        "fold the factors into the weights of the layer before it",
    ),
    Rule(
        "L404",
        _WARNING,
        "casts to float32 in the middle of a float16 program",
        values.float32_inside_float16,
        "each cast costs a copy: let the whole program compute in float16, or say why not",
    ),
    Rule(
        "L211",
        _WARNING,
        "a value that the model keeps between predictions, with its type and size",
        interface.states,
        "begin each window with a new state (makeState); here every window begins with zeros",
    ),
    Rule(
        "L208",
        _WARNING,
        "an input that no operation reads",
        interface.unused_inputs,
        "drop the input",
    ),
    Rule(
        "L409",
        _WARNING,
        "operations that no output needs",
        interface.dead_operations,
        "convert again with coremltools' default passes, which drop them",
    ),
    Rule(
        "L205",
        _WARNING,
        "inputs or outputs called `Identity`, `var_12`, `args_0` …",
        interface.names,
        "coremltools.utils.rename_feature; an app is written against these names",
    ),
    Rule(
        "L202",
        _WARNING,
        "nothing says which unit, sign, rate and order the input takes",
        interface.contract,
        "export with edgeconv, or write the sensor contract into the user-defined fields",
    ),
    Rule(
        "L203",
        _WARNING,
        "a softmax at the end and no class labels",
        interface.labels,
        "convert with coremltools.ClassifierConfig(labels)",
    ),
    Rule(
        "L204",
        _HINT,
        "no description, author or licence",
        interface.description,
        "set short_description, author and license of the MLModel",
    ),
    Rule(
        "L502",
        _HINT,
        "a specification version that needlessly excludes older phones",
        versions.higher_than_needed,
        "a lower deployment target reaches older phones",
    ),
    Rule("L601", _HINT, "convolutions or products in float32", placement.float32, _MEASURE),
    Rule("L602", _HINT, "tensors of rank above 4", placement.high_rank, _MEASURE),
    Rule(
        "L603",
        _HINT,
        "products over the last axis of a sequence",
        placement.channels_last,
        _MEASURE,
    ),
    Rule("L604", _HINT, "an input of free size", placement.dynamic_shapes, _MEASURE),
    Rule("L605", _HINT, "branches and loops", placement.control_flow, _MEASURE),
    Rule("L606", _HINT, "LSTM, GRU, RNN", placement.recurrent, _MEASURE),
    Rule(
        "L607",
        _HINT,
        "gather, scatter, topk, cumsum and others that were observed to run elsewhere",
        placement.rare_operations,
        _MEASURE,
    ),
    Rule("L608", _HINT, "kernels of 9 and wider", placement.large_kernels, _MEASURE),
    Rule(
        "L609",
        _HINT,
        "an output of a convolution, pool or product whose last axis has one number, and others "
        "more than 32",
        placement.single_last_axis,
        _MEASURE,
    ),
    Rule(
        "L610",
        _HINT,
        "a stride with a prime factor above 3; of a pool, another than 1, 2 and 4; above 2 with a "
        "palette of weights",
        placement.odd_strides,
        _MEASURE,
    ),
    Rule(
        "L611",
        _HINT,
        "−∞ among the constants that are added or selected before a softmax",
        placement.infinite_masks,
        "a hint, not a fact: −40,000 instead fits into float16, and its exponential is 0",
    ),
)
"""Every rule, the most severe first."""
