"""TFLite: one traced network through the stock converter, one scheme at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Variant
from edgeconv.core.metadata import ModelMetadata
from edgeconv.core.schemes import MINMAX
from edgeconv.errors import Unsupported
from edgeconv.ir import quantization_points, sensitivity
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.nodes import Attention
from edgeconv.ir.trace import trace
from edgeconv.targets.base import ConversionSettings
from edgeconv.targets.file_graph import BITS
from edgeconv.targets.tflite import metadata
from edgeconv.targets.tflite.aeq_backend import quantize
from edgeconv.targets.tflite.lowering import FLOAT_SQUARES, LOWERINGS, without_cell_clip
from edgeconv.targets.tflite.metadata import signature_name
from edgeconv.targets.tflite.schemes import SCHEMES, dynamic, float32

if TYPE_CHECKING:
    from edgeconv.ir.model_inputs import Arrays
    from edgeconv.ir.nodes.node import Range, Value
    from edgeconv.ir.tf_builder import Lowerings
    from edgeconv.ir.trace import Traced


# For a trace that rounds its values. Restricted to integer kernels, the converter would ask for
# recordings all the same; `checks.py` looks for operations that stayed float.
_ROUNDED = dynamic


def convert(
    traced: Traced,
    variant: Variant,
    calibration: Arrays | None,
    ranges: Mapping[Value, Range] | None,
    path: Path,
) -> ConversionSettings:
    """The converter's own file.

    With 8-bit activations the trace itself rounds its values, so that the converter takes our
    ranges instead of measuring its own. Weights of fewer bits, and layers that stay float, are
    for ai-edge-quantizer, with the same ranges.
    """
    scheme = SCHEMES[variant.scheme]
    _check_float_layers(traced, variant)
    if not scheme.accepts_external_ranges:
        path.write_bytes(_converted(traced, scheme.configure, calibration))
        return ConversionSettings(calibration_method="" if calibration is None else MINMAX)
    if not quantization_points.can_be_quantized(traced.graph):
        return _foreign(traced, variant, calibration, path)
    method, limits = quantization_points.choose_ranges(
        traced.graph,
        calibration,
        variant.calibration_method or scheme.methods[0],
        INT8_AFFINE,
        ranges,
    )
    labelled = quantization_points.by_label(traced.graph, limits)
    settings = ConversionSettings(calibration_method=method, activation_ranges=labelled)
    if variant.min_snr_db:
        min_snr_db = variant.min_snr_db
        variant, expected = _chosen(traced, variant, calibration, limits)
        settings = replace(settings, min_snr_db=min_snr_db, expected_snr_db=expected)
    if variant.scheme == "int8" and not variant.float_layers:
        return _in_integers(traced, settings, limits, calibration, variant.io, path)
    data, in_8_bits = quantize(_converted(traced, float32, None), traced, limits, variant)
    path.write_bytes(data)
    return replace(settings, float_layers=variant.float_layers, int8_layers=in_8_bits)


def _in_integers(
    traced: Traced,
    settings: ConversionSettings,
    limits: Mapping[Value, Range],
    calibration: Arrays | None,
    io: str,
    path: Path,
) -> ConversionSettings:
    """Write the file of a trace that rounds its values to these ranges.

    Where values have ranges, the converter fails on some concatenations and on some squares. Then
    it measures ranges itself. Where it could not look inside a layer or ranges are given, joined
    values get the range of the result, and squares stay float.
    """
    graph = traced.graph

    def write(ranges: Mapping[Value, Range], lowerings: Lowerings) -> None:
        rounding = trace(graph, traced.labels, False, ranges, lowerings, outputs=traced.outputs)
        path.write_bytes(_converted(rounding, _ROUNDED, None, io))

    joined = quantization_points.joined_ranges(graph, limits)
    ways = [(ranges, table) for table in (LOWERINGS, FLOAT_SQUARES) for ranges in (limits, joined)]
    stay = tuple(graph.label(node) for node in graph.nodes if node.stays_float)
    measures = not stay and calibration and settings.calibration_method == MINMAX
    for ranges, lowerings in ways[: 1 if measures else None]:
        try:
            write(ranges, lowerings)
        except _converter_error() as error:
            failure = error
            continue
        labelled = quantization_points.by_label(graph, ranges)
        return replace(settings, float_layers=stay, activation_ranges=labelled)
    if not measures:
        raise failure
    path.write_bytes(_converted(traced, SCHEMES["int8"].configure, calibration, io))
    return ConversionSettings(calibration_method=MINMAX)


def _check_float_layers(traced: Traced, variant: Variant) -> None:
    """Raises Unsupported where a layer would have to stay float and no converter allows that."""
    plain = variant.scheme == "int8" and not (variant.float_layers or variant.min_snr_db)
    if plain or not SCHEMES[variant.scheme].activations.startswith("int"):
        return
    graph, by_converter = traced.graph, variant.scheme == "int16x8"
    names = [
        graph.label(node)
        for node in graph.nodes
        if node.stays_float or (isinstance(node, Attention) and not by_converter)
    ]
    if names:
        raise Unsupported(
            f"scheme '{variant.scheme}'{' with float layers' if variant.scheme == 'int8' else ''} "
            f"cannot hold recurrent layers or attention: {', '.join(names)}",
            "use int8 without a choice of float layers, or dynamic",
        )


def _converter_error() -> type[Exception]:
    from tensorflow.lite.python.convert_phase import ConverterError

    error: type[Exception] = ConverterError
    return error


def write_metadata(path: Path, card: ModelMetadata) -> None:
    """Put names, description, labels and contract into the file."""
    path.write_bytes(metadata.embed(path.read_bytes(), card))


def _chosen(
    traced: Traced,
    variant: Variant,
    calibration: Arrays | None,
    limits: Mapping[Value, Range],
) -> tuple[Variant, float]:
    """The variant with the layers that must be more precise, and the expected SNR in dB."""
    if calibration is None or not len(calibration[0]):
        raise Unsupported(
            "the layers that must stay precise cannot be measured without recordings",
            "name the layers (--float-layer, --int8-layer), or give --calibration SPEC",
        )
    bits = BITS[SCHEMES[variant.scheme].weights]
    every = -(-len(calibration[0]) // sensitivity.WINDOWS)
    windows = tuple(array[::every].astype("float64") for array in calibration)
    finer = 8 if bits < 8 else sensitivity.FLOAT
    layers, reached = sensitivity.choose_layers(
        traced.graph, windows, limits, bits, finer=finer, min_snr_db=variant.min_snr_db
    )
    expected = round(reached, 2)
    if finer == sensitivity.FLOAT:
        return replace(variant, float_layers=_joined(variant.float_layers, layers)), expected
    return replace(variant, int8_layers=_joined(variant.int8_layers, layers)), expected


def _joined(requested: tuple[str, ...], chosen: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*requested, *chosen)))


def _foreign(
    traced: Traced, variant: Variant, calibration: Arrays | None, path: Path
) -> ConversionSettings:
    """int8 of a network with opaque layers: only the converter can look inside."""
    mixed = variant.float_layers or variant.min_snr_db
    if variant.scheme != "int8" or mixed or calibration is None:
        raise Unsupported(
            f"scheme '{variant.scheme}': only the converter's own calibration can measure the "
            f"values inside {_opaque(traced)}",
            "use int8 with calibration windows, or replace them by other layers",
        )
    if variant.calibration_method not in ("", MINMAX):
        raise Unsupported(
            f"calibration method '{variant.calibration_method}' cannot go with {_opaque(traced)}, "
            "inside which only the converter measures",
            f"use {MINMAX}",
        )
    path.write_bytes(_converted(traced, SCHEMES[variant.scheme].configure, calibration, variant.io))
    return ConversionSettings(calibration_method=MINMAX)


def _opaque(traced: Traced) -> str:
    labels = [traced.graph.label(node) for node in traced.graph.nodes if node.opaque]
    return f"layer{'s' * (len(labels) > 1)} {', '.join(labels)}"


def _converted(
    traced: Traced,
    configure: Callable[[Any, Any], None],
    calibration: Arrays | None,
    io: str = "float",
) -> bytes:
    """The stock converter's bytes."""
    import tensorflow as tf

    names = [signature_name(traced.graph.names[value]) for value in traced.graph.inputs]
    traced.function._arg_keywords = names  # what the converter calls the inputs in the signature
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.function], traced.module)
    configure(tf, converter)
    if calibration is not None:
        converter.representative_dataset = _samples(names, calibration)
    if io == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return without_cell_clip(converter.convert())


def _samples(names: Sequence[str], arrays: Arrays) -> Callable[[], Iterator[Any]]:
    """One sample after the other, by name where there are several inputs: the converter does not
    keep their order."""
    rows = zip(*arrays, strict=True)
    samples: list[Any] = [[row[None] for row in sample] for sample in rows]
    if len(names) > 1:
        samples = [dict(zip(names, sample, strict=True)) for sample in samples]
    return lambda: iter(samples)
