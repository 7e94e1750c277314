"""Core ML: one traced network through coremltools, one scheme and system version at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Variant
from edgeconv.ir import quantization_points
from edgeconv.ir.calibration import INT8_SYMMETRIC
from edgeconv.targets.base import ConversionSettings
from edgeconv.targets.coreml.activation_quantization import pipeline
from edgeconv.targets.coreml.lowering import register
from edgeconv.targets.coreml.schemes import SCHEMES
from edgeconv.targets.coreml.weight_compression import compress

if TYPE_CHECKING:
    from edgeconv.ir.model_inputs import Arrays
    from edgeconv.ir.nodes.node import Range, Value
    from edgeconv.ir.trace import Traced


_FORGET = "edgeconv::forget_output_types"


def convert(
    traced: Traced,
    variant: Variant,
    calibration: Arrays | None,
    ranges: Mapping[Value, Range] | None,
    path: Path,
) -> ConversionSettings:
    """Write coremltools' bare package; `metadata.embed` names and describes it.

    Input and output are float32 for every deployment target, so that one piece of app code fits
    them all and raw readings are not rounded before the model sees them. Everything that a
    scheme does not change is float16.
    """
    import coremltools as ct
    import numpy as np

    scheme = SCHEMES[variant.scheme]
    settings = ConversionSettings()
    passes = None
    if scheme.methods:
        method, limits = quantization_points.choose_kernel_input_ranges(
            traced.graph,
            calibration,
            variant.calibration_method or scheme.methods[0],
            INT8_SYMMETRIC,
            ranges,
        )
        settings = ConversionSettings(calibration_method=method, activation_ranges=limits)
        passes = pipeline(traced.graph, limits)
    register(traced.graph)
    classes = traced.labels
    if classes and len(traced.outputs) > 1:
        passes = _forgetting_types(passes or ct.PassPipeline())
    float32 = scheme.weights == "float32"
    model = ct.convert(
        [traced.function],
        source="tensorflow",
        convert_to="mlprogram",
        inputs=[
            ct.TensorType(
                name=traced.graph.names[value],
                shape=(1, *value.shape),
                dtype=np.float32 if value.is_float else np.int32,
            )
            for value in traced.graph.inputs
        ],
        outputs=None if classes and len(traced.outputs) == 1 else _float32_outputs(traced),
        minimum_deployment_target=ct.target[variant.deployment_target],
        compute_precision=ct.precision.FLOAT32 if float32 else ct.precision.FLOAT16,
        classifier_config=_classifier(traced) if classes else None,
        pass_pipeline=passes,
        skip_model_load=True,
    )
    if scheme.compressed:
        model = compress(model, scheme)
    model.save(str(path))
    return settings


def _forgetting_types(passes: Any) -> Any:
    """The passes, and at last one for classifiers that have a further output.

    Its type was asked for and is set by then. What coremltools 9.0 writes afterwards counts the
    label as an output too, and would look for its type behind the end of the list.
    """
    from coremltools.converters.mil.mil.passes.graph_pass import AbstractGraphPass
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY, register_pass

    if _FORGET not in PASS_REGISTRY:

        class ForgetOutputTypes(AbstractGraphPass):  # type: ignore[misc]  # coremltools is untyped
            """The outputs have their types by now."""

            def apply(self, prog: Any) -> None:
                for function in prog.functions.values():
                    function.output_types = None

        namespace, name = _FORGET.split("::")
        register_pass(namespace, name=name)(ForgetOutputTypes)
    passes.append_pass(_FORGET)
    return passes


def _classifier(traced: Traced) -> Any:
    """How coremltools makes a classifier; of several outputs it must know that of the classes."""
    import coremltools as ct

    first, *others = traced.outputs
    name = traced.function.structured_outputs[first].op.name if others else None
    return ct.ClassifierConfig(list(traced.labels), predicted_probabilities_output=name)


def _float32_outputs(traced: Traced) -> list[Any]:
    """The outputs as coremltools takes them: from iOS 16 on it would make them float16."""
    import coremltools as ct
    import numpy as np

    return [
        ct.TensorType(tensor.op.name, dtype=np.float32 if tensor.dtype.is_floating else None)
        for tensor in traced.function.outputs
    ]
