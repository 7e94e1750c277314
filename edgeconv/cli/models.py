"""`train`, `export` and `evaluate`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.show import show_evaluation, show_export
from edgeconv.errors import UsageError
from edgeconv.recipes import load_recipe, make_variants, override, parse_sensor


def train(
    out: opt.Out,
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="Network to fit.")] = "har",
    data: opt.Data = None,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="RECIPE", help="Whose training settings to use.")
    ] = "har",
    epochs: opt.Epochs = None,
    seed: opt.Seed = None,
    force: opt.Force = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Fit a network; Ctrl-C keeps the best model so far."""
    console = Console(quiet, verbose, json)
    chosen = override(load_recipe(recipe), data, seed, epochs)
    chosen = replace(chosen, model=model, variants=())
    from edgeconv.workflows.train import train as train_model

    try:
        bundle = train_model(chosen, out, force, console)
    finally:
        console.close()
    show_evaluation(console, str(out / "model.keras"), bundle.evaluations["model.keras"])
    if bundle.model.training.get("stopped") == "interrupted":
        console.note("training was interrupted; the best model so far was kept")
    return 0


def export(
    model: Annotated[
        Path, typer.Argument(help="A .keras file, or a folder that holds model.keras.")
    ],
    out: opt.Out,
    target: opt.Targets = None,
    quantize: opt.Schemes = None,
    io_type: opt.IoType = "float",
    sensor: opt.SensorOption = None,
    deployment_target: opt.Deployment = "",
    calibration: opt.Calibration = None,
    calibration_method: opt.CalibrationMethod = "",
    float_layer: opt.FloatLayers = None,
    int8_layer: opt.Int8Layers = None,
    mixed_precision_snr: opt.MixedPrecisionSnr = 0.0,
    compress: opt.Compressions = None,
    data: opt.CompressionData = None,
    epochs: opt.CompressionEpochs = None,
    seed: opt.Seed = None,
    allow_custom_code: opt.AllowCustomCode = False,
    force: opt.Force = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Make phone files of a Keras model, each checked against it."""
    console = Console(quiet, verbose, json)
    schemes = quantize or []
    whose = parse_sensor(sensor) if sensor else None
    variants = make_variants(
        *(target or [], schemes, whose, io_type, deployment_target, calibration_method),
        compressions=compress or [],
        float_layers=float_layer or [],
        int8_layers=int8_layer or [],
        min_snr_db=mixed_precision_snr,
    )
    _refuse_idle(compress, data, epochs, seed)
    from edgeconv.workflows.export import export as export_model

    try:
        bundle = export_model(
            *(model, variants, out, calibration, force, allow_custom_code, console),
            all_or_nothing=bool(schemes),
            data=data,
            epochs=epochs,
            seed=seed,
        )
    finally:
        console.close()
    show_export(console, bundle)
    return 0


def _refuse_idle(
    compress: list[str] | None, data: str | None, epochs: int | None, seed: int | None
) -> None:
    """Words that would do nothing. Raises UsageError."""
    given = {"--data": data, "--epochs": epochs, "--seed": seed}
    idle = [name for name, value in given.items() if value is not None]
    if idle and not compress:
        raise UsageError(
            f"{idle[0]} means something with --compress only",
            "recordings for the ranges of int8 files are named by --calibration",
        )


def evaluate(
    path: Annotated[
        Path, typer.Argument(metavar="MODEL|ARTIFACT", help=".keras, .tflite, .mlpackage")
    ],
    data: Annotated[str, typer.Option("--data", metavar="SPEC", help="NAME or NAME:PATH.")],
    split: opt.Split = "test",
    runtime: opt.Runtime = "auto",
    sensor: opt.SensorOption = None,
    allow_custom_code: opt.AllowCustomCode = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Accuracy of a model or artifact on labelled recordings."""
    console = Console(quiet, verbose, json)
    whose = parse_sensor(sensor) if sensor else None
    from edgeconv.workflows.evaluate import evaluate as evaluate_file

    try:
        result = evaluate_file(path, data, split, runtime, whose, allow_custom_code, console)
    finally:
        console.close()
    show_evaluation(console, str(path), result)
    return 0
