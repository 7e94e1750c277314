"""`edgeconv search`: the Pareto front of accuracy, bytes and speed.

How a search looks while it runs: a live table on a terminal, plain lines elsewhere.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeconv.cli import data_options, training_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.errors import GateFailed
from edgeconv.recipes import SEARCH_TARGET, load_recipe, override
from edgeconv.targets.base import schemes_of

if TYPE_CHECKING:
    from edgeconv.core import Recipe
    from edgeconv.search.options import SearchOptions
    from edgeconv.search.progress import SearchProgress

EVERY = 30.0  # seconds between two lines of a log, where no trial has ended


class SearchConsole(Console):
    """Shows the progress of a search, besides what every command shows."""

    def __init__(self, quiet: bool, verbose: bool, json_file: str | None) -> None:
        super().__init__(quiet, verbose, json_file)
        self._live: Any = None
        self._last: tuple[int, float] = (-1, 0.0)

    def __enter__(self) -> SearchConsole:
        return self

    def close(self) -> None:
        """End the live table; its last state stays on the screen."""
        super().close()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def search_progress(self, progress: SearchProgress) -> None:
        """The newest state of the search."""
        if self.quiet:
            return
        if not self._log.is_terminal:
            self._line(progress)
            return
        if self._live is None:
            from rich.live import Live

            self._live = Live(console=self._log, refresh_per_second=2)
            self._live.start()
        self._live.update(_table(progress))

    def _line(self, progress: SearchProgress) -> None:
        ended = sum(n for state, n in progress.counts.items() if state != "running")
        now = time.monotonic()
        if ended != self._last[0] or self.verbose or now - self._last[1] > EVERY:
            self._last = ended, now
            self._log.print(f"  {progress.line()}", markup=False)


def _table(progress: SearchProgress) -> Any:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("size", "best so far", "scheme", "accuracy", "bytes"):
        table.add_column(heading, justify="left" if heading == "best so far" else "right")
    for kind, model, scheme, accuracy, size in progress.best:
        table.add_row(kind, model, scheme, accuracy, f"{size:,}")
    running = "  ".join(f"{model} {done}/{folds}" for model, done, folds in progress.running)
    return Group(Text(progress.headline(), style="bold"), Text(running, style="dim"), table)


EPILOG = opt.epilog(
    "edgeconv search har --data motionsense:DIR --max-bytes 50000 --max-accuracy-drop 0.005",
    "edgeconv search student --trials 20 --quantize int8 --quantize int4 --compress prune50",
    choices={"Schemes of --quantize": {"": schemes_of(SEARCH_TARGET)}, **opt.COMPRESSION_CHOICES},
)


_Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder to write. Default: out/search-RECIPE."),
]
_MaxBytes = Annotated[
    int | None,
    typer.Option("--max-bytes", metavar="N", min=0, help="Largest file, in bytes."),
]
_MaxMacs = Annotated[
    int | None,
    typer.Option(
        "--max-macs",
        metavar="N",
        min=0,
        help="Most multiply-accumulate operations of an inference.",
    ),
]
_MaxLatencyUs = Annotated[
    float | None,
    typer.Option(
        "--max-latency-us",
        metavar="µS",
        min=0,
        help="Longest inference on this machine with one thread, in microseconds.",
    ),
]
_MaxAccuracyDrop = Annotated[
    float | None,
    typer.Option(
        "--max-accuracy-drop",
        metavar="FRACTION",
        min=0,
        help="Largest accuracy drop below the recipe's own network: 0.005 is half a "
        "percentage point.",
    ),
]
_MaxSubjectDrop = Annotated[
    float | None,
    typer.Option(
        "--max-subject-drop",
        metavar="FRACTION",
        min=0,
        help="Largest accuracy drop on any subject, below the recipe's file in the same scheme.",
    ),
]
_WarmStart = Annotated[
    list[Path] | None,
    typer.Option(
        "--warm-start",
        metavar="DIR",
        help="Earlier search (repeatable). Its outcomes are used if its settings are the same; "
        "otherwise the networks of its front are tried first.",
    ),
]
_Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes",
        metavar="M",
        help="Time for the whole search. Default: 50, or no limit with --trials.",
    ),
]
_Trials = Annotated[
    int | None,
    typer.Option("--trials", metavar="N", min=1, help="Number of candidates to evaluate."),
]
_ConfirmSeeds = Annotated[
    int,
    typer.Option(
        "--confirm-seeds",
        metavar="N",
        min=0,
        help="Number of further seeds that confirm the Pareto front.",
    ),
]
_MaxResults = Annotated[
    int,
    typer.Option("--max-results", metavar="N", min=1, help="Most bundles to write."),
]
_MaxInFlight = Annotated[
    int,
    typer.Option(
        "--max-in-flight", metavar="N", min=1, help="Candidates evaluated at the same time."
    ),
]
_Schemes = Annotated[list[str] | None, opt.quantize(schemes_of(SEARCH_TARGET), default="int8")]
_Compress = Annotated[
    list[str] | None,
    opt.compress("Compression to choose from, besides none (repeatable); the list is below."),
]
_Executor = Annotated[
    str,
    training_options.executor("Where candidates are evaluated: this machine or a Ray cluster."),
]
_TrackingUri = Annotated[
    str, training_options.tracking_uri("MLflow tracking server. Default: DIR/mlflow.")
]
_Force = Annotated[
    bool, typer.Option("--force", help="Start again, in place of an earlier search.")
]


def search(
    recipe: opt.RecipeName = "har",
    data: opt.Data = None,
    out: _Out = None,
    max_bytes: _MaxBytes = None,
    max_macs: _MaxMacs = None,
    max_latency_us: _MaxLatencyUs = None,
    max_accuracy_drop: _MaxAccuracyDrop = None,
    max_subject_drop: _MaxSubjectDrop = None,
    warm_start: _WarmStart = None,
    minutes: _Minutes = None,
    trials: _Trials = None,
    folds: training_options.Folds = 5,
    confirm_seeds: _ConfirmSeeds = 1,
    max_results: _MaxResults = 6,
    max_in_flight: _MaxInFlight = 6,
    schemes: _Schemes = None,
    compress: _Compress = None,
    executor: _Executor = "local",
    address: training_options.Address = "",
    workers: training_options.Workers = None,
    tracking_uri: _TrackingUri = "",
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    seed: opt.Seed = None,
    epochs: opt.Epochs = None,
    force: _Force = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Find the smallest and fastest files that stay accurate.

    Accuracy is that of held-out subjects, by cross-validation.
    The same command continues a search that was stopped. Exit 1 if nothing keeps the budgets.
    """
    with SearchConsole(quiet, verbose, json) as console:
        chosen = override(load_recipe(recipe), data_options.specification(data), seed, epochs)
        from edgeconv.search.options import Budgets, SearchOptions

        limits = (max_bytes, max_macs, max_latency_us, max_accuracy_drop, max_subject_drop)
        options = SearchOptions(
            budgets=Budgets(*limits),
            trials=trials,
            minutes=minutes,
            folds=folds,
            confirm_seeds=confirm_seeds,
            max_results=max_results,
            max_in_flight=max_in_flight,
            schemes=tuple(schemes or ("int8",)),
            compress=tuple(compress or ()),
            executor=executor,
            workers=workers,
            address=address,
            tracking_uri=tracking_uri,
            force=force,
            allow=data_options.allowed(allow, assume_units),
            warm_start=tuple(warm_start or ()),
        )
        return _search(console, chosen, out or Path("out") / f"search-{chosen.name}", options)


def _search(console: SearchConsole, recipe: Recipe, folder: Path, options: SearchOptions) -> int:
    from edgeconv.workflows.search import search_networks, search_table

    result = search_networks(recipe, folder, options, progress=console)
    headings, rows, notes = search_table(result)
    console.table(f"{folder}", headings, rows)
    for line in notes:
        console.say(line)
    console.say(f"\nPareto front: {folder / 'front.html'}")
    console.json("edgeconv-search", result.to_json())
    return 0 if result.met else GateFailed.exit_code
