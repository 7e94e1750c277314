"""`edgeconv train`: a float model from labeled recordings."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from edgeconv.cli import data_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.tables import show_evaluation
from edgeconv.recipes import BUILT_IN, load_recipe, override

EPILOG = opt.epilog(
    "edgeconv train --model student --out out/student",
    "edgeconv train --model cnn:24s2-32-48s2-64 --data motionsense:DIR --out out/cnn --epochs 60",
    choices=opt.model_choices(),
)


def train(
    out: opt.Out,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="NAME",
            help="Network to train; the list is below.",
            autocompletion=opt.complete_model,
        ),
    ] = "har",
    data: opt.Data = None,
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe",
            metavar="RECIPE",
            help=f"Recipe that gives the training settings: {', '.join(BUILT_IN)} or a TOML file.",
            autocompletion=opt.completing(BUILT_IN),
        ),
    ] = "har",
    epochs: opt.Epochs = None,
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    seed: opt.Seed = None,
    force: opt.Force = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Train a network; Ctrl-C keeps the best model so far."""
    with Console(quiet, verbose, json) as console:
        chosen = override(load_recipe(recipe), data, seed, epochs)
        chosen = replace(chosen, model=model, variants=())
        from edgeconv.workflows.train import train as train_model

        bundle = train_model(
            chosen,
            out,
            data=data_options.recordings(None, allow, assume_units),
            force=force,
            progress=console,
        )
        show_evaluation(console, str(out / "model.keras"), bundle.evaluations["model.keras"])
        if bundle.model.interrupted:
            console.note("training was interrupted; the best model so far was kept")
    return 0
