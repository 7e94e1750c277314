"""`edgeconv run`: all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.show import gate, show_bundle
from edgeconv.recipes import BUILT_IN, load_recipe, override


def run(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help=f"{', '.join(BUILT_IN)}, a TOML file, or a bundle's manifest.json.",
        ),
    ] = "har",
    data: opt.Data = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Default: out/<name of the recipe>.")
    ] = None,
    seed: opt.Seed = None,
    epochs: opt.Epochs = None,
    force: opt.Force = False,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Train, export, check, time and report, as a recipe says."""
    console = Console(quiet, verbose, json)
    chosen = override(load_recipe(recipe), data, seed, epochs)
    from edgeconv.workflows.run import run as run_all

    folder = out or Path("out") / chosen.name
    try:
        bundle = run_all(chosen, folder, force, console)
    finally:
        console.close()
    show_bundle(console, bundle)
    console.say(f"\nReport: {folder / 'report.html'}")
    return gate(bundle, allow_not_run)
