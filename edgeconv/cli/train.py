"""`edgeconv train`: a float model from labeled recordings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import data_options, training_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.tables import show_evaluation
from edgeconv.recipes import BUILT_IN, load_recipe, override

if TYPE_CHECKING:
    from edgeconv.workflows.steps.repeats import RepeatedTraining

EPILOG = opt.epilog(
    "edgeconv train --model student --out out/student",
    "edgeconv train --model uci-har --data hapt:DIR --out out/uci --repeats 10",
    "edgeconv train --model cnn:24s2-32-48s2-64 --data motionsense:DIR --out out/cnn --epochs 60",
    choices=training_options.model_choices(),
)


_Model = Annotated[
    str | None,
    training_options.model_option(
        "Network to train; the list is below. Default: the recipe's.",
    ),
]
_Recipe = Annotated[
    str | None,
    training_options.recipe_option(
        f"Recipe that gives windows and training settings: {', '.join(BUILT_IN)} or a TOML file. "
        "Default: the one called like the network, or har."
    ),
]
_Repeats = Annotated[
    int,
    typer.Option(
        "--repeats",
        metavar="N",
        min=1,
        help="Train N times, with the seed and those after it, and report mean ± deviation. "
        "The model of the first seed is kept.",
    ),
]


def train(
    out: opt.Out,
    model: _Model = None,
    data: opt.Data = None,
    recipe: _Recipe = None,
    epochs: opt.Epochs = None,
    repeats: _Repeats = 1,
    labels: data_options.Labels = None,
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
        named = recipe or (model if model in BUILT_IN else "har")
        chosen = override(load_recipe(named), data_options.specification(data), seed, epochs)
        chosen = replace(chosen, model=model or chosen.model, variants=())
        from edgeconv.workflows.train import train_repeatedly

        result = train_repeatedly(
            chosen,
            out,
            repeats,
            data=data_options.recordings(None, allow, assume_units, labels),
            force=force,
            progress=console,
        )
        bundle = result.bundle
        more = {"repeats": result.to_json()} if repeats > 1 else {}
        evaluation = bundle.evaluations["model.keras"]
        show_evaluation(console, str(out / "model.keras"), evaluation, more)
        if repeats > 1:
            _show_repeats(console, result)
        if bundle.model.interrupted:
            console.note("training was interrupted; the best model so far was kept")
    return 0


def _show_repeats(console: Console, result: RepeatedTraining) -> None:
    """Mean ± sample deviation of each figure over the seeds, and the figures of each."""
    metrics = ("accuracy", "balanced_accuracy", "macro_f1", "loss")
    rows = [
        (str(seed), *(f"{getattr(evaluation, metric):.4f}" for metric in metrics))
        for seed, evaluation in zip(result.seeds, result.evaluations, strict=True)
    ]
    headings = ("seed", "accuracy", "balanced", "macro-F1", "loss")
    console.table(f"{len(result.seeds)} trainings", headings, rows)
    for metric, name in zip(metrics, headings[1:], strict=True):
        mean, deviation = result.figures(metric)
        console.say(f"{name} {mean:.4f} ± {deviation:.4f} (mean ± deviation of {len(rows)} seeds)")
