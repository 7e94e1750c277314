"""Options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgeconv.recipes import CALIBRATION_METHODS, COMPRESSIONS, DEPLOYMENT_TARGETS, LEGAL_SCHEMES

_OUTPUT = "Output"


def _names(*groups: tuple[str, ...]) -> str:
    """Every name once, in order."""
    return ", ".join(dict.fromkeys(name for group in groups for name in group))


BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A folder that edgeconv wrote.")]
JsonFile = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write the result as JSON; - is standard output.",
        rich_help_panel=_OUTPUT,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Only results and errors.", rich_help_panel=_OUTPUT)
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Every step.", rich_help_panel=_OUTPUT)
]
Data = Annotated[
    str | None,
    typer.Option("--data", metavar="SPEC", help="NAME or NAME:PATH; see `edgeconv data list`."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing bundle.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed of everything random.")]
Epochs = Annotated[
    int | None, typer.Option("--epochs", metavar="N", min=1, help="Instead of the recipe's.")
]
Split = Annotated[str, typer.Option("--split", metavar="PART", help="train, val, test or all.")]
Runtime = Annotated[
    str, typer.Option("--runtime", metavar="NAME", help="auto, keras, litert, tflite-micro …")
]
SensorOption = Annotated[
    str | None,
    typer.Option("--sensor", metavar="WHOSE", help="android (m/s²), ios (g) or normalized."),
]
AllowCustomCode = Annotated[
    bool,
    typer.Option("--allow-custom-code", help="Open models that hold Python code (Lambda layers)."),
]
AllowNotRun = Annotated[
    bool, typer.Option("--allow-not-run", help="A check that did not run is no failure.")
]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="NAME", help="tflite, coreml or all; may be repeated."),
]


def quantize(*groups: tuple[str, ...], default: str = "") -> Any:
    """`--quantize`, with the schemes that a command takes."""
    shown = f"  [default: {default}]" if default else ""
    help_ = f"{_names(*groups)}; may be repeated.{shown}"
    return typer.Option("--quantize", metavar="SCHEME", help=help_)


Schemes = Annotated[list[str] | None, quantize(*LEGAL_SCHEMES.values())]
Deployment = Annotated[
    str,
    typer.Option(
        "--deployment-target", metavar="iOSxx", help=f"Core ML: {', '.join(DEPLOYMENT_TARGETS)}."
    ),
]
IoType = Annotated[
    str, typer.Option("--io-type", metavar="TYPE", help="Of int8 files: float or int8.")
]
Calibration = Annotated[
    str | None,
    typer.Option("--calibration", metavar="SPEC", help="Default: the model's own training data."),
]
CalibrationMethod = Annotated[
    str,
    typer.Option(
        "--calibration-method",
        metavar="NAME",
        help=f"How int8, int4 and w8a8 choose ranges: {', '.join(CALIBRATION_METHODS)}.",
    ),
]
Compressions = Annotated[
    list[str] | None,
    typer.Option(
        "--compress",
        metavar="NAME",
        help=f"First train on, smaller: {', '.join(COMPRESSIONS)}; may be repeated.",
    ),
]
CompressionData = Annotated[
    str | None,
    typer.Option(
        "--data", metavar="SPEC", help="For --compress; default: the model's own training data."
    ),
]
CompressionEpochs = Annotated[
    int | None,
    typer.Option("--epochs", metavar="N", min=1, help="Of each step of a compression."),
]
FloatLayers = Annotated[
    list[str] | None,
    typer.Option(
        "--float-layer",
        metavar="LAYER",
        help="Of TFLite's int8 and int4: a layer that stays float32; may be repeated.",
    ),
]
Int8Layers = Annotated[
    list[str] | None,
    typer.Option(
        "--int8-layer",
        metavar="LAYER",
        help="Of TFLite's int4: a layer with 8-bit weights; may be repeated.",
    ),
]
MixedPrecisionSnr = Annotated[
    float,
    typer.Option(
        "--mixed-precision-snr",
        metavar="DB",
        help="Of TFLite's int8 and int4: keep as few layers precise as the outputs need for it.",
    ),
]
Runtimes = Annotated[
    list[str] | None,
    typer.Option("--runtime", metavar="NAME", help="Default: auto; may be repeated."),
]
Gates = Annotated[
    list[str] | None,
    typer.Option("--gate", metavar="NAME=VALUE", help="Another limit; may be repeated."),
]
MaxAccuracyDrop = Annotated[
    float | None,
    typer.Option(
        "--max-accuracy-drop",
        metavar="SHARE",
        help="Accuracy may not fall by more, with confidence: 0.005 is half a point.",
    ),
]
Confidence = Annotated[
    float | None,
    typer.Option("--confidence", metavar="SHARE", help="Of --max-accuracy-drop; default: 0.95."),
]
Golden = Annotated[
    Path | None,
    typer.Option("--golden", metavar="FILE", help="Judge what a device recorded, a JSON file."),
]
Junit = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")]
Summary = Annotated[
    Path | None,
    typer.Option(
        "--summary", metavar="FILE", help="Add Markdown to it: a CI job's $GITHUB_STEP_SUMMARY."
    ),
]
Sensors = Annotated[
    list[str] | None,
    typer.Option(
        "--sensor",
        metavar="WHOSE",
        help="What a file without a contract takes: android (m/s²), ios (g), normalized; once, or "
        "once for each file.",
    ),
]
Layers = Annotated[bool, typer.Option("--layers", help="Compare inside too, layer by layer.")]
