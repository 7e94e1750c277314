"""`edgeconv search`: the front of accuracy, bytes and speed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.search_view import SearchConsole
from edgeconv.errors import GateFailed
from edgeconv.recipe import load_recipe, override

_BUDGETS, _EFFORT, _WHERE = "Budgets", "Effort", "Where it runs"


def search(
    recipe: Annotated[
        str, typer.Argument(metavar="[RECIPE]", help="har, coreml, article or a TOML file.")
    ] = "har",
    data: opt.Data = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Default: out/search-<recipe>.")
    ] = None,
    max_bytes: Annotated[
        int | None,
        typer.Option("--max-bytes", metavar="N", min=0, rich_help_panel=_BUDGETS),
    ] = None,
    max_macs: Annotated[
        int | None,
        typer.Option(
            "--max-macs",
            metavar="N",
            min=0,
            help="Multiply-accumulates.",
            rich_help_panel=_BUDGETS,
        ),
    ] = None,
    max_latency_us: Annotated[
        float | None,
        typer.Option(
            "--max-latency-us",
            metavar="µS",
            min=0,
            help="One inference on this machine, one thread.",
            rich_help_panel=_BUDGETS,
        ),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop",
            metavar="SHARE",
            min=0,
            help="Accuracy below the recipe's own network: 0.005 is half a point.",
            rich_help_panel=_BUDGETS,
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            metavar="M",
            help="For all of it; default: 45, or no limit with --trials.",
            rich_help_panel=_EFFORT,
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials", metavar="N", min=0, help="Candidates to judge.", rich_help_panel=_EFFORT
        ),
    ] = None,
    folds: Annotated[
        int,
        typer.Option(
            "--folds", metavar="N", help="Groups of people held out.", rich_help_panel=_EFFORT
        ),
    ] = 5,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds",
            metavar="N",
            min=0,
            help="Further seeds that confirm the front.",
            rich_help_panel=_EFFORT,
        ),
    ] = 1,
    members: Annotated[
        int,
        typer.Option(
            "--members", metavar="N", min=1, help="Bundles at most.", rich_help_panel=_EFFORT
        ),
    ] = 6,
    generation: Annotated[
        int,
        typer.Option(
            "--generation",
            metavar="N",
            min=1,
            help="Candidates under way at a time.",
            rich_help_panel=_EFFORT,
        ),
    ] = 6,
    schemes: opt.Schemes = None,
    compress: Annotated[
        list[str] | None,
        typer.Option(
            "--compress",
            metavar="NAME",
            help="A compression to choose from, besides none; may be repeated.",
        ),
    ] = None,
    executor: Annotated[
        str,
        typer.Option("--executor", metavar="NAME", help="local or ray.", rich_help_panel=_WHERE),
    ] = "local",
    address: Annotated[
        str,
        typer.Option(
            "--address", metavar="URL", help="Of the Ray cluster.", rich_help_panel=_WHERE
        ),
    ] = "",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Default: one for each core.",
            rich_help_panel=_WHERE,
        ),
    ] = None,
    tracking_uri: Annotated[
        str,
        typer.Option(
            "--tracking-uri",
            metavar="URI",
            help="Of MLflow; default: DIR/mlflow.",
            rich_help_panel=_WHERE,
        ),
    ] = "",
    seed: opt.Seed = None,
    epochs: opt.Epochs = None,
    force: Annotated[
        bool, typer.Option("--force", help="Begin anew, in place of an earlier search.")
    ] = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Find the smallest and fastest files that still recognise people never seen.

    The same command goes on where a stopped search has ended. Exit 1 if nothing keeps the budgets.
    """
    console = SearchConsole(quiet, verbose, json)
    chosen = override(load_recipe(recipe), data, seed, epochs)
    from edgeconv.pipeline import Budgets, SearchOptions, search_table
    from edgeconv.pipeline import search as run_search

    wanted = SearchOptions(
        budgets=Budgets(max_bytes, max_macs, max_latency_us, max_drop),
        trials=trials,
        minutes=minutes,
        folds=folds,
        seeds=seeds,
        members=members,
        generation=generation,
        schemes=tuple(schemes or ("int8",)),
        compress=tuple(compress or ()),
        executor=executor,
        workers=workers,
        address=address,
        tracking_uri=tracking_uri,
        force=force,
    )
    folder = out or Path("out") / f"search-{chosen.name}"
    try:
        result = run_search(chosen, folder, wanted, console)
    finally:
        console.close()
    headings, rows, notes = search_table(result)
    console.table(f"{folder}", headings, rows)
    for line in notes:
        console.say(line)
    console.say(f"\nFront: {folder / 'front.html'}")
    console.json(result.to_json())
    return 0 if result.met else GateFailed.exit_code
