"""The options of `edgeconv search`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli.options import quantize
from edgeconv.recipes import SEARCHED_SCHEMES

_BUDGETS, _EFFORT, _WHERE = "Budgets", "Effort", "Where it runs"

RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A built-in recipe such as har, or a TOML file.")
]
Folder = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Default: out/search-<recipe>.")
]
MaxBytes = Annotated[
    int | None,
    typer.Option("--max-bytes", metavar="N", min=0, rich_help_panel=_BUDGETS),
]
MaxMacs = Annotated[
    int | None,
    typer.Option(
        "--max-macs",
        metavar="N",
        min=0,
        help="Multiply-accumulates.",
        rich_help_panel=_BUDGETS,
    ),
]
MaxLatencyUs = Annotated[
    float | None,
    typer.Option(
        "--max-latency-us",
        metavar="µS",
        min=0,
        help="One inference on this machine, one thread.",
        rich_help_panel=_BUDGETS,
    ),
]
MaxAccuracyDrop = Annotated[
    float | None,
    typer.Option(
        "--max-accuracy-drop",
        metavar="SHARE",
        min=0,
        help="Accuracy below the recipe's own network: 0.005 is half a point.",
        rich_help_panel=_BUDGETS,
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes",
        metavar="M",
        help="For all of it; default: 50, or no limit with --trials.",
        rich_help_panel=_EFFORT,
    ),
]
Trials = Annotated[
    int | None,
    typer.Option(
        "--trials", metavar="N", min=1, help="Candidates to judge.", rich_help_panel=_EFFORT
    ),
]
Folds = Annotated[
    int,
    typer.Option(
        "--folds", metavar="N", help="Groups of people held out.", rich_help_panel=_EFFORT
    ),
]
ConfirmSeeds = Annotated[
    int,
    typer.Option(
        "--confirm-seeds",
        metavar="N",
        min=0,
        help="Further seeds that confirm the front.",
        rich_help_panel=_EFFORT,
    ),
]
MaxResults = Annotated[
    int,
    typer.Option(
        "--max-results", metavar="N", min=1, help="Bundles at most.", rich_help_panel=_EFFORT
    ),
]
MaxInFlight = Annotated[
    int,
    typer.Option(
        "--max-in-flight",
        metavar="N",
        min=1,
        help="Candidates under way at a time.",
        rich_help_panel=_EFFORT,
    ),
]
Schemes = Annotated[list[str] | None, quantize(SEARCHED_SCHEMES, default="int8")]
Compress = Annotated[
    list[str] | None,
    typer.Option(
        "--compress",
        metavar="NAME",
        help="A compression to choose from, besides none; may be repeated.",
    ),
]
Executor = Annotated[
    str,
    typer.Option("--executor", metavar="NAME", help="local or ray.", rich_help_panel=_WHERE),
]
Address = Annotated[
    str,
    typer.Option("--address", metavar="URL", help="Of the Ray cluster.", rich_help_panel=_WHERE),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Default: one for each core.",
        rich_help_panel=_WHERE,
    ),
]
TrackingUri = Annotated[
    str,
    typer.Option(
        "--tracking-uri",
        metavar="URI",
        help="Of MLflow; default: DIR/mlflow.",
        rich_help_panel=_WHERE,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Begin anew, in place of an earlier search.")]
