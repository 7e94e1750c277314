"""`edgeconv run`: everything that a recipe says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import data_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console, exit_code
from edgeconv.cli.tables import show_bundle
from edgeconv.recipes import (
    BUILT_IN,
    left_out,
    load_recipe,
    make_variants,
    override,
    with_installed,
)

EPILOG = opt.epilog(
    "edgeconv run                                      har on synthetic data, into out/har",
    "edgeconv run student --data motionsense:DIR --out out/ms",
    "edgeconv run recipe.toml --seed 1 --force         a recipe that `edgeconv init` began",
)


def run(
    recipe: opt.RecipeName = "har",
    data: opt.Data = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder to write. Default: out/NAME_OF_RECIPE."),
    ] = None,
    labels: data_options.Labels = None,
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    seed: opt.Seed = None,
    epochs: opt.Epochs = None,
    force: opt.Force = False,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Train, export, check, time and report, as a recipe says."""
    with Console(quiet, verbose, json) as console:
        chosen = override(load_recipe(recipe), data_options.specification(data), seed, epochs)
        reasons = left_out([]) if chosen.variants == make_variants() else []
        if recipe in BUILT_IN:
            chosen, reasons = with_installed(chosen)
        for reason in reasons:
            console.note(reason)
        from edgeconv.workflows.run import run as run_all

        folder = out or Path("out") / chosen.name
        bundle = run_all(
            chosen,
            folder,
            data=data_options.recordings(None, allow, assume_units, labels),
            force=force,
            progress=console,
        )
        show_bundle(console, bundle)
        console.say(f"\nReport: {folder / 'report.html'}")
    return exit_code(bundle, allow_not_run)
