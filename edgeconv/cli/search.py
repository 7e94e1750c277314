"""`edgeconv search`: the front of accuracy, bytes and speed."""

from __future__ import annotations

from pathlib import Path

from edgeconv.cli import options as opt
from edgeconv.cli import search_words as by
from edgeconv.cli.search_view import SearchConsole
from edgeconv.errors import GateFailed
from edgeconv.recipes import load_recipe, override


def search(
    recipe: by.RecipeName = "har",
    data: opt.Data = None,
    out: by.Folder = None,
    max_bytes: by.MaxBytes = None,
    max_macs: by.MaxMacs = None,
    max_latency_us: by.MaxLatencyUs = None,
    max_accuracy_drop: by.MaxAccuracyDrop = None,
    minutes: by.Minutes = None,
    trials: by.Trials = None,
    folds: by.Folds = 5,
    confirm_seeds: by.ConfirmSeeds = 1,
    max_results: by.MaxResults = 6,
    max_in_flight: by.MaxInFlight = 6,
    schemes: by.Schemes = None,
    compress: by.Compress = None,
    executor: by.Executor = "local",
    address: by.Address = "",
    workers: by.Workers = None,
    tracking_uri: by.TrackingUri = "",
    seed: opt.Seed = None,
    epochs: opt.Epochs = None,
    force: by.Force = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Find the smallest and fastest files that still recognise people never seen.

    The same command goes on where a stopped search has ended. Exit 1 if nothing keeps the budgets.
    """
    console = SearchConsole(quiet, verbose, json)
    chosen = override(load_recipe(recipe), data, seed, epochs)
    from edgeconv.search import Budgets
    from edgeconv.search.options import SearchOptions
    from edgeconv.workflows.search import search as run_search
    from edgeconv.workflows.search import search_table

    budgets = Budgets(max_bytes, max_macs, max_latency_us, max_accuracy_drop)
    effort = (trials, minutes, folds, confirm_seeds, max_results, max_in_flight)
    what = (tuple(schemes or ("int8",)), tuple(compress or ()))
    wanted = SearchOptions(
        *(budgets, *effort, *what), *(executor, workers, address, tracking_uri, force)
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
