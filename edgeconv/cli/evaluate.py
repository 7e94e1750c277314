"""`edgeconv evaluate`: the accuracy of one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import data_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.tables import show_evaluation, show_use
from edgeconv.recipes import parse_sensor

EPILOG = opt.epilog(
    "edgeconv evaluate out/har/har_int8.tflite --data motionsense:DIR",
    "edgeconv evaluate other.tflite --data csv:rec.csv --split all --sensor android --json -",
)


_Personalize = Annotated[
    float,
    typer.Option(
        "--personalize",
        metavar="SECONDS",
        min=0,
        help="Also the gain by subject after enrolling these first seconds of each activity.",
    ),
]
_Streams = Annotated[
    bool,
    typer.Option("--streams", help="Also decisions over whole recordings: time right, delay."),
]


_File = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL|ARTIFACT", help=".keras, .h5, .tflite, .mlpackage, .aimodel or .onnx file."
    ),
]


def evaluate(
    path: _File,
    data: Annotated[
        list[str], opt.data_option("Labeled recordings, NAME or NAME:PATH (repeatable).")
    ],
    labels: data_options.Labels = None,
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    split: opt.Split = "test",
    runtime: opt.Runtime = "auto",
    compute: opt.Compute = "",
    sensor: opt.SensorOption = None,
    personalize: _Personalize = 0.0,
    streams: _Streams = False,
    allow_custom_code: opt.AllowCustomCode = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Measure the accuracy of a file on labeled recordings."""
    opt.check_custom_code(allow_custom_code, path)
    with Console(quiet, verbose, json) as console:
        convention = parse_sensor(sensor) if sensor else None
        from edgeconv.runtimes import RuntimeChoice
        from edgeconv.workflows import evaluate as workflow

        recordings = data_options.recordings(data, allow, assume_units, labels)
        choice = RuntimeChoice((runtime,), compute)
        use = None  # first, since it refuses more than the evaluation
        if personalize or streams:
            use = workflow.evaluate_use(
                path,
                recordings,
                workflow.UseOptions(
                    personalize=personalize,
                    streams=streams,
                    split=split,
                    runtime=choice,
                    sensor=convention,
                    unsafe=allow_custom_code,
                ),
                progress=console,
            )
        result = workflow.evaluate(
            path,
            recordings,
            split=split,
            runtime=choice,
            sensor=convention,
            unsafe=allow_custom_code,
            progress=console,
        )
        show_evaluation(console, str(path), result, use.to_json() if use else None)
        if use is not None:
            show_use(console, use)
    return 0
