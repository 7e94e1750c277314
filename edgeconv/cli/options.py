"""Options that several commands share, spelled once, with their completion and examples."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeconv.errors import UsageError
from edgeconv.ir.keras_contents import SUFFIXES
from edgeconv.recipes import BUILT_IN, CALIBRATION_METHODS, RECOMMENDED_COMPRESSIONS
from edgeconv.targets.base import TARGETS, all_targets

HELP_NAMES = {"help_option_names": ["-h", "--help"]}
_WIDTH = 78


def epilog(*examples: str, choices: Mapping[str, Mapping[str, Iterable[str]]] | None = None) -> str:
    """What stands below the options of a command: the names to choose from, and examples.

    Args:
        choices: by the title of a list, its rows: a name and the words beside it.
    """
    blocks = [_choices(title, rows) for title, rows in (choices or {}).items()]
    blocks.append("\n".join(["Examples:", *(f"  {line}" for line in examples)]))
    return "\n\n".join(f"\b\n{block}" for block in blocks)


def _choices(title: str, rows: Mapping[str, Iterable[str]]) -> str:
    width = max(map(len, rows))
    lines = [f"{title}:"]
    for name, words in rows.items():
        first = f"  {name:{width}}  " if name else "  "
        lines += textwrap.wrap(
            " ".join(words),
            _WIDTH,
            initial_indent=first,
            subsequent_indent=" " * len(first),
            break_on_hyphens=False,
        )
    return "\n".join(lines)


SCHEME_CHOICES: dict[str, dict[str, Iterable[str]]] = {
    "Schemes of --quantize": {target.name: tuple(target.schemes) for target in all_targets()}
}
COMPRESSION_CHOICES: dict[str, dict[str, Iterable[str]]] = {
    "Names of --compress": {"": RECOMMENDED_COMPRESSIONS}
}


def _target_names() -> str:
    """Names and aliases: `tflite (also litert, android), coreml (also ios)`."""
    return ", ".join(
        f"{t.name} (also {', '.join(t.aliases)})" if t.aliases else t.name for t in all_targets()
    )


def _deployment_targets() -> str:
    """`Core ML: iOS15, iOS16`, for each target that has system versions."""
    return "; ".join(
        f"{target.title}: {', '.join(target.deployment_targets)}"
        for target in all_targets()
        if target.deployment_targets
    )


def completing(names: Iterable[str]) -> Callable[[str], list[str]]:
    """Completion of a word from a fixed list of names."""
    every = tuple(dict.fromkeys(names))

    def complete(incomplete: str) -> list[str]:
        return [name for name in every if name.startswith(incomplete)]

    return complete


def complete_data(incomplete: str) -> list[str]:
    """Data sets by name; a colon where a path follows."""
    from edgeconv.datasets import DATASETS, PATHS

    return completing(f"{name}:" if name in PATHS else name for name in DATASETS)(incomplete)


def complete_runtime(incomplete: str) -> list[str]:
    """Runtimes by name."""
    from edgeconv.runtimes import RUNTIMES

    return completing(["auto", *RUNTIMES])(incomplete)


# ---- input -----------------------------------------------------------------------------------
BundlePath = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="Folder that `edgeconv run` or `export` wrote.")
]
RecipeName = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE",
        help=f"Built-in recipe ({', '.join(BUILT_IN)}), TOML file, or a bundle's manifest.json.",
        autocompletion=completing(BUILT_IN),
    ),
]
_SPEC = "NAME or NAME:PATH; `edgeconv data list` shows the names."
DataSpec = Annotated[
    str, typer.Argument(metavar="SPEC", help=f"Recordings, {_SPEC}", autocompletion=complete_data)
]


def data_option(help_: str) -> Any:
    """`--data` with what it is for in this command."""
    return typer.Option("--data", metavar="SPEC", help=help_, autocompletion=complete_data)


Data = Annotated[
    list[str] | None,
    data_option(
        f"Recordings to use instead of the recipe's or the bundle's, {_SPEC} Repeated: one data "
        "set of several."
    ),
]
Split = Annotated[
    str,
    typer.Option(
        "--split",
        metavar="train|val|test|all",
        help="Which subjects of the recordings to use.",
        autocompletion=completing(("train", "val", "test", "all")),
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", help="Seed of everything random, instead of the recipe's."),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        "--epochs", metavar="N", min=1, help="Epochs of training, instead of the recipe's."
    ),
]
Runtime = Annotated[
    str,
    typer.Option(
        "--runtime",
        metavar="NAME",
        help="Runtime to use; auto takes the best one that opens the file.",
        autocompletion=complete_runtime,
    ),
]
Runtimes = Annotated[
    list[str] | None,
    typer.Option(
        "--runtime",
        metavar="NAME",
        help="Runtime to check in (repeatable). Default: the best one that opens each file.",
        autocompletion=complete_runtime,
    ),
]
Compute = Annotated[
    str,
    typer.Option(
        "--compute",
        metavar="WAY",
        help="How Core ML and Core AI files are computed where the runtime can in several ways: "
        "as-specified, float16-accumulate, float32, float64. Default: as the file says; parity "
        "also checks float16-accumulate and reports the worse of both.",
    ),
]
AllowCustomCode = Annotated[
    bool,
    typer.Option(
        "--allow-custom-code",
        help="Open Keras models that hold Python code (lambdas). Only if you trust them.",
    ),
]


def check_custom_code(allowed: bool, *paths: Path) -> None:
    """`--allow-custom-code` is for Keras models, and for folders that hold one.

    Raises:
        UsageError: none of the files can hold Python code.
    """
    if allowed and not any(path.suffix in ("", *SUFFIXES) for path in paths):
        raise UsageError("--allow-custom-code applies to Keras models only", "leave it out")


# ---- export ----------------------------------------------------------------------------------
_CONVENTION = "android|ios|normalized"
_UNITS = "android (m/s²), ios (g, opposite sign) or normalized (mean 0, deviation 1)"
_CONVENTIONS = completing(_CONVENTION.split("|"))
SensorOption = Annotated[
    str | None,
    typer.Option(
        "--sensor",
        metavar=_CONVENTION,
        help=f"Convention of the sensor readings that the file expects: {_UNITS}.",
        autocompletion=_CONVENTIONS,
    ),
]
Sensors = Annotated[
    list[str] | None,
    typer.Option(
        "--sensor",
        metavar=_CONVENTION,
        help="What a file without a sensor contract expects; give it once, or once for each file. "
        f"{_UNITS[0].upper()}{_UNITS[1:]}.",
        autocompletion=_CONVENTIONS,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="NAME",
        help=f"Target to export for: {_target_names()} or all (repeatable). Default: all.",
        autocompletion=completing(
            [*TARGETS, *(a for t in all_targets() for a in t.aliases), "all"]
        ),
    ),
]


def quantize(names: Iterable[str], default: str) -> Any:
    """`--quantize`, with the schemes that a command accepts."""
    return typer.Option(
        "--quantize",
        metavar="SCHEME",
        help=f"Number format to make (repeatable); the list is below. Default: {default}.",
        autocompletion=completing(names),
    )


def compress(help_: str) -> Any:
    """`--compress`, with what it is for in this command."""
    return typer.Option(
        "--compress",
        metavar="NAME",
        help=help_,
        autocompletion=completing(RECOMMENDED_COMPRESSIONS),
    )


Schemes = Annotated[
    list[str] | None,
    quantize((name for target in all_targets() for name in target.schemes), "the usual ones"),
]
Compressions = Annotated[
    list[str] | None,
    compress("Compression with fine-tuning before the export (repeatable); the list is below."),
]
Deployment = Annotated[
    str,
    typer.Option(
        "--deployment-target",
        metavar="iOSxx",
        help=f"Oldest system that a file must open on. {_deployment_targets()}.",
        autocompletion=completing(
            version for target in all_targets() for version in target.deployment_targets
        ),
    ),
]
IoType = Annotated[
    str,
    typer.Option(
        "--io-type",
        metavar="float|int8",
        help="Type of the inputs and outputs of int8 files (tflite).",
        autocompletion=completing(("float", "int8")),
    ),
]
Calibration = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        metavar="SPEC",
        help="Recordings for calibration. Default: the model's own training data.",
        autocompletion=complete_data,
    ),
]
CalibrationMethod = Annotated[
    str,
    typer.Option(
        "--calibration-method",
        metavar="NAME",
        help=f"How int8, int4 and w8a8 choose activation ranges: {', '.join(CALIBRATION_METHODS)}.",
        autocompletion=completing(CALIBRATION_METHODS),
    ),
]
CompressionEpochs = Annotated[
    int | None,
    typer.Option(
        "--epochs", metavar="N", min=1, help="Epochs of each fine-tuning step of --compress."
    ),
]
CompressionSeed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", help="Seed of the fine-tuning of --compress."),
]
FloatLayers = Annotated[
    list[str] | None,
    typer.Option(
        "--float-layer",
        metavar="LAYER",
        help="Layer to keep in float32 in int8 and int4 files of tflite (repeatable).",
    ),
]
Int8Layers = Annotated[
    list[str] | None,
    typer.Option(
        "--int8-layer",
        metavar="LAYER",
        help="Layer to keep in 8 bits in int4 files of tflite (repeatable).",
    ),
]
MixedPrecisionSnr = Annotated[
    float,
    typer.Option(
        "--mixed-precision-snr",
        metavar="DB",
        show_default=False,
        help="Choose the layers to keep precise in int8 and int4 files of tflite, as few as this "
        "signal-to-noise ratio of the outputs needs.",
    ),
]

# ---- gates -----------------------------------------------------------------------------------
AllowNotRun = Annotated[
    bool,
    typer.Option("--allow-not-run", help="Exit 0 although a check could not run on this machine."),
]
Gates = Annotated[
    list[str] | None,
    typer.Option(
        "--gate", metavar="NAME=VALUE", help="Limit to use instead of the default (repeatable)."
    ),
]
MaxAccuracyDrop = Annotated[
    float | None,
    typer.Option(
        "--max-accuracy-drop",
        metavar="FRACTION",
        help="Largest accuracy drop, shown with confidence: 0.005 is half a percentage point.",
    ),
]
Confidence = Annotated[
    float | None,
    typer.Option(
        "--confidence",
        metavar="FRACTION",
        help="Confidence of --max-accuracy-drop and of the intervals. Default: 0.95.",
    ),
]
Layers = Annotated[
    bool, typer.Option("--layers", help="Compare the values inside too, layer by layer.")
]
Junit = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write the checks as JUnit XML.")
]
Summary = Annotated[
    Path | None,
    typer.Option(
        "--summary",
        metavar="FILE",
        help="Append a Markdown summary, for example to $GITHUB_STEP_SUMMARY of a CI job.",
    ),
]

# ---- output ----------------------------------------------------------------------------------
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing bundle.")]
JsonFile = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write the result, or the error, as JSON; - is standard output.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show only results and errors.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show every step, and the cause of an error.")
]
