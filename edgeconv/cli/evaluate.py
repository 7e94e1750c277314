"""`edgeconv evaluate`: the accuracy of one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import data_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.tables import show_evaluation
from edgeconv.recipes import parse_sensor
from edgeconv.reporting import formatting

if TYPE_CHECKING:
    from edgeconv.workflows.decisions import EnergyFigures
    from edgeconv.workflows.evaluate import Use

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
            _show_use(console, use)
    return 0


_STREAM_FIGURES = ("time right", "time wrong", "delay", "missed", "flicker a minute")


def _show_use(console: Console, use: Use) -> None:
    """The gain of a personal layer by subject, and decisions over whole recordings."""
    if personal := use.personalized:
        half = "" if personal.gain.half is None else f" ± {100 * personal.gain.half:.1f}"
        before, after = personal.worst
        console.table(
            f"Personalized by {personal.seconds:g} s of each activity: macro-F1 on the rest",
            ("subject", "enrolled", "windows", "layer", "model", "personal", "gain (pp)", "unsure"),
            [
                (
                    each.subject,
                    str(each.enrolled),
                    formatting.count(each.windows),
                    each.state.replace("_", " "),
                    f"{each.model:.3f}",
                    f"{each.personal:.3f}",
                    f"{100 * each.gain:+.1f}",
                    f"{each.unsure:.1%}",
                )
                for each in personal.subjects
            ],
        )
        console.say(
            f"gain {100 * personal.gain.mean:+.1f}{half} points on average, "
            f"{100 * personal.worst_quarter:+.1f} for the worst quarter of the subjects; worst "
            f"subject {before.model:.3f} → {after.personal:.3f}; worse by more than 1 point: "
            f"{', '.join(personal.worse) or 'nobody'}"
        )
    if streams := use.streams:
        rows = (
            ("every window by itself", streams.single),
            ("default", streams.default),
            ("chosen by the validation subjects", streams.chosen),
            (f"best of {len(streams.tried)} on these recordings", streams.best),
        )
        console.table(
            f"Decisions over {streams.hours:.2f} h of recordings, {streams.changes} changes",
            ("settings", "step", "alpha", "hysteresis", "unsure below", *_STREAM_FIGURES),
            [
                (
                    name,
                    str(each.step),
                    *(f"{v:g}" for v in (each.alpha, each.hysteresis, each.unsure_below)),
                    f"{each.right:.1%}",
                    f"{each.wrong:.1%}",
                    "–" if each.delay_s is None else f"{each.delay_s:.1f} s",
                    f"{each.missed:.1%}",
                    f"{each.flicker:.2f}",
                )
                for name, each in rows
                if each is not None
            ],
        )
        if streams.familiar:
            console.say(
                f"{streams.familiar} of the validation subjects were in training: the settings are "
                "chosen for answers surer than on strangers"
            )
        if streams.energy:
            _show_energy(console, streams.energy)


def _show_energy(console: Console, figures: Sequence[EnergyFigures]) -> None:
    """What the energy-minded mode saves, and what it changes."""

    def seconds(value: float | None) -> str:
        return "–" if value is None else f"{value:+.1f} s"

    console.table(
        "Energy-minded mode of the packages: windows that are left out while nothing moves",
        (
            *("still below", "after", "factor", "inferences saved", "time shown otherwise"),
            *("time right", "without it", "starts", "added delay", "latest", "newly missed"),
        ),
        [
            (
                f"{each.still_below:g}",
                str(each.after),
                str(each.factor),
                f"{each.saved:.1%}",
                f"{each.differs:.2%}",
                f"{each.right:.1%}",
                f"{each.right_without:.1%}",
                str(each.starts),
                seconds(each.added_delay_s),
                seconds(each.latest_s),
                str(each.newly_missed),
            )
            for each in figures
        ],
    )
