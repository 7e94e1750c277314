"""`edgeconv evaluate`: the accuracy of one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import data_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.tables import show_evaluation
from edgeconv.recipes import parse_sensor

EPILOG = opt.epilog(
    "edgeconv evaluate out/har/har_int8.tflite --data motionsense:DIR",
    "edgeconv evaluate other.tflite --data csv:rec.csv --split all --sensor android --json -",
)


def evaluate(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL|ARTIFACT",
            help=".keras, .h5, .tflite, .mlpackage, .aimodel or .onnx file.",
        ),
    ],
    data: Annotated[
        list[str], opt.data_option("Labeled recordings, NAME or NAME:PATH (repeatable).")
    ],
    labels: data_options.Labels = None,
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    split: opt.Split = "test",
    runtime: opt.Runtime = "auto",
    sensor: opt.SensorOption = None,
    allow_custom_code: opt.AllowCustomCode = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Measure the accuracy of a file on labeled recordings."""
    opt.check_custom_code(allow_custom_code, path)
    with Console(quiet, verbose, json) as console:
        convention = parse_sensor(sensor) if sensor else None
        from edgeconv.workflows.evaluate import evaluate as evaluate_file

        result = evaluate_file(
            path,
            data_options.recordings(data, allow, assume_units, labels),
            split=split,
            runtime=runtime,
            sensor=convention,
            unsafe=allow_custom_code,
            progress=console,
        )
        show_evaluation(console, str(path), result)
    return 0
