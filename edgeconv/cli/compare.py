"""`edgeconv compare`: does one model file behave like another?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import data_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import CiOutput, Console, code_of
from edgeconv.cli.parity import parse_limits
from edgeconv.cli.tables import show_results
from edgeconv.core import worst
from edgeconv.recipes import parse_sensor
from edgeconv.reporting import render_results

if TYPE_CHECKING:
    from edgeconv.core import ParityResult
    from edgeconv.core.layerwise import LayersResult

EPILOG = opt.epilog(
    "edgeconv compare model.keras har_int8.tflite --data motionsense:DIR",
    "edgeconv compare old.tflite new.mlpackage --data synthetic --layers",
)


_Reference = Annotated[
    Path, typer.Argument(metavar="A", help="Model file to compare with, made by any tool.")
]
_Candidate = Annotated[
    Path, typer.Argument(metavar="B", help="Model file to check by the gates of its scheme.")
]
_Data = Annotated[
    str | None, opt.data_option("Data to compare on, NAME or NAME:PATH. Default: random inputs.")
]


def compare(
    reference: _Reference,
    candidate: _Candidate,
    data: _Data = None,
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    split: opt.Split = "test",
    runtime: opt.Runtimes = None,
    compute: opt.Compute = "",
    gates: opt.Gates = None,
    max_accuracy_drop: opt.MaxAccuracyDrop = None,
    confidence: opt.Confidence = None,
    sensor: opt.Sensors = None,
    allow_custom_code: opt.AllowCustomCode = False,
    layers: opt.Layers = False,
    junit: opt.Junit = None,
    summary: opt.Summary = None,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Compare any two model files: does B behave like A?

    Exit 1 if it does not, or if a check did not run.
    """
    opt.check_custom_code(allow_custom_code, reference, candidate)
    ci = CiOutput(junit, summary, allow_not_run)
    with Console(quiet, verbose, json) as console:
        from edgeconv.runtimes import RuntimeChoice
        from edgeconv.workflows.compare import CompareOptions
        from edgeconv.workflows.compare import compare as compare_files

        options = CompareOptions(
            split=split,
            runtimes=RuntimeChoice(tuple(runtime or ("auto",)), compute),
            gates=parse_limits(gates or [], max_accuracy_drop, confidence),
            sensors=[parse_sensor(name) for name in sensor or ()],
            unsafe=allow_custom_code,
            layers=layers,
        )
        with ci.refusals():
            compared = compare_files(
                reference,
                candidate,
                data_options.recordings(data, allow, assume_units),
                options,
                progress=console,
            )
        return finish(console, ci, compared.parity, compared.layers)


def finish(
    console: Console,
    ci: CiOutput,
    results: Sequence[ParityResult],
    layers: Sequence[LayersResult] = (),
) -> int:
    """Write and show results that belong to no bundle; their exit code."""
    ci.results(results, lambda: render_results(results))
    show_results(console, results, layers)
    return code_of(worst(result.status for result in results), ci.allow_not_run)
