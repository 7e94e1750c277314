"""`edgeconv benchmark whar`: networks in the protocol of a published benchmark."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import data_options, training_options
from edgeconv.cli import options as opt
from edgeconv.cli.console import Console

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings=opt.HELP_NAMES)


@app.callback()
def benchmark() -> None:
    """Run networks in the protocol of a published benchmark."""


_Network = Annotated[
    str | None,
    training_options.model_option(
        "Network of the row: one of edgeconv's, or random-forest (needs scikit-learn). "
        "Without it, the table of what was run is shown.",
        "--network",
    ),
]
_Groups = Annotated[
    str,
    typer.Option(
        "--groups", metavar="0-9", help="Groups of subjects to hold out. Default: all ten."
    ),
]
_Recipe = Annotated[
    str,
    training_options.recipe_option(
        "Recipe whose training replaces that of the protocol; the row says so."
    ),
]
_Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder for fits, rows, table and picture.")
]


@app.command(
    epilog=opt.epilog(
        "edgeconv benchmark whar --network tinierhar --data hapt-transitions:DIR --out out/whar",
        "edgeconv benchmark whar --network random-forest --data motionsense:DIR --groups 0-4",
        "edgeconv benchmark whar --out out/whar                   the table of what was run",
    )
)
def whar(
    network: _Network = None,
    data: opt.Data = None,
    out: _Out = Path("out/whar"),
    groups: _Groups = "",
    recipe: _Recipe = "",
    allow: data_options.AllowRules = None,
    assume_units: data_options.AssumeUnits = False,
    seed: opt.Seed = None,
    epochs: opt.Epochs = None,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Run one row of WHAR Arena's protocol: a network on a data set.

    Ten groups of subjects, windows of 3 s, macro-F1. A second run goes on where the first ended;
    the folder holds every fit, a table beside the published figures, and a picture.
    """
    with Console(quiet, verbose, json) as console:
        from edgeconv.errors import UsageError
        from edgeconv.workflows.whar import (
            WharOptions,
            benchmark_network,
            groups_of,
            read_rows,
            write_rows,
        )

        if network is not None:
            if data is None:
                raise UsageError("no data are named", "for example --data motionsense:DIR")
            options = WharOptions(groups_of(groups), seed or 0, recipe, epochs)
            source = data_options.recordings(data, allow, assume_units)
            benchmark_network(network, source, out, options, progress=console)
        else:
            write_rows(out)
        rows = read_rows(out)
        console.table(
            f"{out}",
            ("network", "data", "macro-F1", "groups", "worst subject", "MB", "MACs", "µs"),
            [
                (
                    row.network,
                    row.data,
                    f"{row.macro_f1:.3f}" + ("" if row.half is None else f" ± {row.half:.3f}"),
                    str(row.groups),
                    f"{row.worst_subject:.3f}",
                    f"{row.bytes / 1e6:.3g}",
                    "–" if row.macs is None else f"{row.macs:,}",
                    "–" if row.latency_us is None else f"{row.latency_us:,.0f}",
                )
                for row in rows
            ],
        )
        console.say(f"beside the published figures: {out / 'table.md'}, {out / 'pareto.svg'}")
        console.json("edgeconv-whar", {"rows": [asdict(row) for row in rows]})
    return 0
