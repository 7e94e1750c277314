"""`edgeconv export`: phone files of a Keras model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import data_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.tables import show_export
from edgeconv.errors import UsageError
from edgeconv.recipes import (
    VariantOptions,
    all_are_meant,
    left_out,
    make_variants,
    parse_sensor,
)
from edgeconv.recipes.signal_file import read_signal

EPILOG = opt.epilog(
    "edgeconv export model.keras --out out/files",
    "edgeconv export out/har --out out/int8 --target tflite --quantize int8 --io-type int8",
    "edgeconv export model.keras --out out/ios --target coreml --quantize palette4 \\",
    "    --deployment-target iOS18",
    choices={**opt.SCHEME_CHOICES, **opt.COMPRESSION_CHOICES},
)


_Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help=".keras or .h5 file, or a folder with model.keras.")
]
_Signal = Annotated[
    Path | None,
    typer.Option(
        "--signal",
        metavar="FILE",
        help="TOML file that describes the windows of a model without a sensor contract.",
    ),
]
_Embedding = Annotated[
    bool,
    typer.Option(
        "--embedding",
        help="Add what the last dense layer reads as output `embedding`, to adapt to a user.",
    ),
]
_Data = Annotated[
    str | None,
    opt.data_option("Recordings for --compress. Default: the model's own training data."),
]


def export(
    model: _Model,
    out: opt.Out,
    target: opt.Targets = None,
    quantize: opt.Schemes = None,
    io_type: opt.IoType = "float",
    sensor: opt.SensorOption = None,
    deployment_target: opt.Deployment = "",
    signal: _Signal = None,
    calibration: opt.Calibration = None,
    calibration_method: opt.CalibrationMethod = "",
    float_layer: opt.FloatLayers = None,
    int8_layer: opt.Int8Layers = None,
    mixed_precision_snr: opt.MixedPrecisionSnr = 0.0,
    embedding: _Embedding = False,
    compress: opt.Compressions = None,
    data: _Data = None,
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    epochs: opt.CompressionEpochs = None,
    seed: opt.CompressionSeed = None,
    allow_custom_code: opt.AllowCustomCode = False,
    force: opt.Force = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Convert a Keras model to phone files, each checked against it."""
    with Console(quiet, verbose, json) as console:
        chosen = VariantOptions(
            sensor=parse_sensor(sensor) if sensor else None,
            io=io_type,
            deployment_target=deployment_target,
            calibration_method=calibration_method,
            float_layers=float_layer or [],
            int8_layers=int8_layer or [],
            min_snr_db=mixed_precision_snr,
        )
        variants = make_variants(
            target or [], quantize or [], compressions=compress or [], options=chosen
        )
        _check(console, target, compress, {"--data": data, "--epochs": epochs, "--seed": seed})
        from edgeconv.workflows.export import export as make
        from edgeconv.workflows.steps.export_options import ExportOptions

        options = ExportOptions(
            calibration=data_options.recordings(calibration, allow, assume_units),
            require_calibration=bool(quantize),
            any_target=all_are_meant(target or []),
            data=data_options.recordings(data, allow, assume_units),
            epochs=epochs,
            seed=seed,
            unsafe=allow_custom_code,
            require_contract=sensor not in (None, "normalized"),
            signal=read_signal(signal) if signal else None,
            embedding=embedding,
        )
        show_export(console, make(model, variants, out, options, force=force, progress=console))
    return 0


def _check(
    console: Console,
    targets: list[str] | None,
    compress: list[str] | None,
    options: dict[str, str | int | None],
) -> None:
    """Note the targets of `all` that cannot be made here, each with the reason, and refuse options
    of `--compress` that would do nothing without it. Raises UsageError."""
    for reason in left_out(targets or []):
        console.note(reason)
    for name, value in options.items():
        if value is not None and not compress:
            raise UsageError(
                f"{name} applies to --compress only",
                "recordings for the ranges of int8 files are named by --calibration",
            )
