"""What can go wrong in a model file: one record for each number, the same in every format.

The rule of a target says how its files show it (`Rule` in `lints.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from re import fullmatch


@dataclass(frozen=True)
class Hazard:
    """One way in which a model file disappoints.

    Attributes:
        number: never changes its meaning: `L1..` weights, `L2..` inputs and outputs, `L3..` shapes,
            `L4..` operations, `L5..` versions, `L6..` placement, `L7..` sizes of values.
        symptom: what a person notices, in the app or before.
        source: address of the specification or of the report that shows it, or the page of docs/
            with our own observation.
    """

    number: str
    name: str
    symptom: str
    source: str

    def __post_init__(self) -> None:
        if not fullmatch(r"L[1-7]\d\d", self.number):
            raise ValueError(f"a hazard's number is L1.. to L7.., not '{self.number}'")
        if not (self.name and self.symptom and self.source):
            raise ValueError(f"hazard {self.number} needs a name, a symptom and a source")


_COREMLTOOLS = "https://github.com/apple/coremltools/issues"
_TENSORFLOW = "https://github.com/tensorflow/tensorflow/issues"
_NEURAL_ENGINE = (
    "https://github.com/apple/coreai-models/blob/main/skills/skills/model-authoring/references/"
    "neural_engine_rules.md"
)
_OBSERVED = "https://github.com/hollance/neural-engine"
_CONTRACT = "docs/how-to/export.md"
_OURS = "docs/how-to/inspect.md"
_LITERT_SIGNATURES = "https://ai.google.dev/edge/litert/models/signatures"
_INTERFACE = (
    "https://apple.github.io/coremltools/docs-guides/source/model-input-and-output-types.html"
)

_ALL = (
    Hazard(
        "L101",
        "weights-missing",
        "the app cannot load the model, or it answers from other numbers than it learned",
        "https://apple.github.io/coremltools/docs-guides/source/convert-to-ml-program.html",
    ),
    Hazard("L102", "weights-nan", "every answer is NaN, or the same for any input", _OURS),
    Hazard(
        "L103",
        "weights-infinite",
        "answers are NaN or infinite for some inputs or for all",
        f"{_COREMLTOOLS}/2109",
    ),
    Hazard(
        "L104",
        "weights-none",
        "the file is tiny, and its answers do not depend on a training",
        _OURS,
    ),
    Hazard(
        "L105",
        "external-data",
        "the app that ships the file alone cannot load it",
        "https://onnx.ai/onnx/repo-docs/ExternalData.html",
    ),
    Hazard(
        "L106",
        "bias-overflow",
        "a few channels of an integer layer give the same wrong value for any input",
        "https://github.com/microsoft/onnxruntime/pull/22020",
    ),
    Hazard(
        "L201",
        "contract-input",
        "the app cannot hand over the readings that the contract promises",
        _CONTRACT,
    ),
    Hazard(
        "L202",
        "no-contract",
        "the app feeds another unit, sign or order than the model was trained on; nothing fails, "
        "and accuracy is low on the phone only",
        _CONTRACT,
    ),
    Hazard(
        "L203",
        "no-labels",
        "the app keeps its own list of classes, which goes wrong when a class is added or moved",
        f"{_COREMLTOOLS}/1107",
    ),
    Hazard(
        "L204",
        "no-description",
        "who finds the file in Xcode does not learn what it is, whose it is or how it may be used",
        "https://developer.apple.com/documentation/coreml/mlmodeldescription",
    ),
    Hazard(
        "L205",
        "converter-names",
        "the app's code names tensors that the next conversion calls otherwise",
        _LITERT_SIGNATURES,
    ),
    Hazard(
        "L206",
        "no-scale",
        "the app cannot turn readings into the integers that the model takes",
        "https://ai.google.dev/edge/litert/models/quantization_spec",
    ),
    Hazard(
        "L207",
        "int32-input",
        "the app fills an INT32 array although the model was meant to take bytes",
        _INTERFACE,
    ),
    Hazard(
        "L208",
        "unused-input",
        "the app fills an input that changes nothing",
        _OURS,
    ),
    Hazard(
        "L209",
        "broken-labels",
        "the app shows a blank or another class, or loses one of two",
        f"{_COREMLTOOLS}/1107",
    ),
    Hazard(
        "L210",
        "flexible-classifier",
        "the phone refuses to compile the model: probabilities must have a fully known shape",
        f"{_COREMLTOOLS}/2764",
    ),
    Hazard(
        "L211",
        "state",
        "the same window gives another answer the second time",
        "https://apple.github.io/coremltools/docs-guides/source/stateful-models.html",
    ),
    Hazard(
        "L212",
        "classifier-of-many-sizes",
        "the phone may refuse to compile the model, which shows on a device first",
        f"{_COREMLTOOLS}/2764",
    ),
    Hazard(
        "L301",
        "shape-mismatch",
        "the phone refuses to compile the model",
        "https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html",
    ),
    Hazard(
        "L302",
        "flexible-but-static",
        "a size that the model offers fails when the app uses it",
        f"{_COREMLTOOLS}/880",
    ),
    Hazard(
        "L303",
        "flexible-shape",
        "a size that the model offers fails when the app uses it, or gives the output of another",
        f"{_COREMLTOOLS}/2730",
    ),
    Hazard(
        "L304",
        "dynamic-batch",
        "a GPU or NPU delegate refuses the model, so it runs on the CPU",
        f"{_TENSORFLOW}/38036",
    ),
    Hazard(
        "L305",
        "dynamic-shape",
        "a GPU or NPU delegate refuses the model, so it runs on the CPU",
        f"{_TENSORFLOW}/38036",
    ),
    Hazard(
        "L306",
        "rank",
        "the phone refuses to compile the model",
        "https://github.com/apple/coremltools/blob/main/coremltools/converters/mil/mil/program.py",
    ),
    Hazard(
        "L307",
        "negative-padding",
        "one runtime shifts a layer's windows by a step against another: answers differ a little",
        "https://github.com/onnx/keras-onnx/issues/146",
    ),
    Hazard(
        "L401",
        "flex-operation",
        "the app fails to load the model, or grows by a library of some 20 MB",
        "https://ai.google.dev/edge/litert/models/ops_select",
    ),
    Hazard(
        "L402",
        "custom-operation",
        "the app fails to load the model: unresolved operation",
        "https://ai.google.dev/edge/litert/models/ops_custom",
    ),
    Hazard(
        "L403",
        "float64",
        "the phone refuses the model, or computes it slowly",
        _INTERFACE,
    ),
    Hazard(
        "L404",
        "float32-inside",
        "that part leaves the Neural Engine, and each crossing costs a copy",
        _NEURAL_ENGINE,
    ),
    Hazard(
        "L405",
        "float-inside",
        "the model is slower than its float twin, and an integer-only chip refuses it",
        "https://ai.google.dev/edge/litert/models/post_training_integer_quant",
    ),
    Hazard(
        "L406",
        "layout-operations",
        "the model spends its time on moving numbers",
        _NEURAL_ENGINE,
    ),
    Hazard(
        "L407",
        "unfused-bias",
        "one more pass over the layer's output than needed",
        "docs/explanation/folding.md",
    ),
    Hazard(
        "L408",
        "unfused-scale",
        "one more pass over the layer's output than needed",
        "docs/explanation/folding.md",
    ),
    Hazard(
        "L409",
        "dead-operations",
        "the model computes what nobody reads",
        _OURS,
    ),
    Hazard(
        "L410",
        "softplus-float16",
        "on the Neural Engine the layer gives 0 where its input is above 10.4, and the right value "
        "on the CPU",
        f"{_COREMLTOOLS}/2687",
    ),
    Hazard(
        "L411",
        "log-sum-exp-float16",
        "on the Neural Engine the layer gives 0 where the sum of exponentials is above 65,504",
        f"{_COREMLTOOLS}/2690",
    ),
    Hazard(
        "L412",
        "log-of-softmax",
        "on the Neural Engine the scores of unlikely classes are −∞",
        f"{_COREMLTOOLS}/2728",
    ),
    Hazard(
        "L413",
        "mixed-rank-broadcast",
        "on the GPU delegate the sum or product takes the wrong rows, on the CPU the right ones",
        "https://github.com/google-ai-edge/LiteRT/issues/8980",
    ),
    Hazard(
        "L414",
        "hard-swish-after-product",
        "on the Neural Engine the layer is off by up to 0.2, and right on the CPU and the GPU",
        "https://github.com/apple/coreai-torch/issues/51",
    ),
    Hazard(
        "L415",
        "float16-sum",
        "answers differ from the trained model by more than float16's rounding: each sum loses its "
        "small terms",
        "docs/measurements/coreai-conformance.md",
    ),
    Hazard(
        "L416",
        "gelu-float16",
        "values behind the activation are off by up to 0.002, four times float16's rounding",
        "docs/measurements/coreai-conformance.md",
    ),
    Hazard(
        "L501",
        "newer-than-target",
        "phones that the file promises to support refuse it",
        "https://apple.github.io/coremltools/docs-guides/source/target-conversion-formats.html",
    ),
    Hazard(
        "L502",
        "target-higher-than-needed",
        "older phones cannot have the app, for nothing",
        "https://apple.github.io/coremltools/docs-guides/source/target-conversion-formats.html",
    ),
    Hazard(
        "L503",
        "newer-than-runtimes",
        "the runtime in the app refuses the file",
        "https://onnxruntime.ai/docs/reference/compatibility.html",
    ),
    Hazard(
        "L504",
        "producer-too-old",
        "the file holds the mistake of the version that wrote it",
        f"{_COREMLTOOLS}/2704",
    ),
    Hazard(
        "L505",
        "producer-not-loaded",
        "the app cannot load the model: Apple's runtimes refuse it since the second beta",
        "https://github.com/apple/coreai-torch/issues/37",
    ),
    Hazard(
        "L601",
        "neural-engine-float32",
        "it runs on the GPU or CPU, and the battery pays",
        _NEURAL_ENGINE,
    ),
    Hazard(
        "L602",
        "neural-engine-rank",
        "it runs on the GPU or CPU, and the battery pays",
        _OBSERVED,
    ),
    Hazard(
        "L603",
        "neural-engine-channels-last",
        "the product is split into operations that run on the CPU",
        _NEURAL_ENGINE,
    ),
    Hazard(
        "L604",
        "neural-engine-dynamic-shape",
        "it runs on the GPU or CPU, and the battery pays",
        _NEURAL_ENGINE,
    ),
    Hazard(
        "L605",
        "neural-engine-control-flow",
        "it runs on the GPU or CPU, and the battery pays",
        _OBSERVED,
    ),
    Hazard(
        "L606",
        "neural-engine-recurrent",
        "it runs on the GPU or CPU, and the battery pays",
        _OBSERVED,
    ),
    Hazard(
        "L607",
        "neural-engine-operation",
        "it runs on the GPU or CPU, and the battery pays",
        _OBSERVED,
    ),
    Hazard(
        "L608",
        "neural-engine-kernel",
        "the layer is slow on the Neural Engine",
        _NEURAL_ENGINE,
    ),
    Hazard(
        "L609",
        "neural-engine-last-axis",
        "a value takes up to 32 times its memory: rows are padded to 64 bytes",
        _NEURAL_ENGINE,
    ),
    Hazard(
        "L610",
        "neural-engine-stride",
        "the layer is slow on the Neural Engine, or leaves it",
        _NEURAL_ENGINE,
    ),
    Hazard(
        "L611",
        "neural-engine-infinity",
        "masked places get weight on the Neural Engine, and none on the CPU",
        _NEURAL_ENGINE,
    ),
    Hazard(
        "L701",
        "float16-overflow",
        "answers are NaN, infinite or 0 on a phone, and right where float32 computes",
        f"{_COREMLTOOLS}/2110",
    ),
)
HAZARDS = {hazard.number: hazard for hazard in _ALL}
