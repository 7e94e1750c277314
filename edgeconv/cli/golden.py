"""`edgeconv golden check`: are the outputs that a device recorded those of the bundle?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.compare import finish
from edgeconv.cli.console import CiOutput, Console

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings=opt.HELP_NAMES)
EPILOG = opt.epilog("edgeconv golden check out/har results.json --junit golden.xml")


@app.command("check", epilog=EPILOG)
def check(
    bundle: opt.BundlePath,
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="JSON file that a device wrote.")
    ],
    junit: opt.Junit = None,
    summary: opt.Summary = None,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Check what a device recorded against the bundle's golden vectors.

    Exit 1 if an output lies outside its tolerance, or if a check did not run.
    """
    ci = CiOutput(junit, summary, allow_not_run)
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.golden import check_device_outputs

        with ci.refusals():
            checked = check_device_outputs(bundle, results, progress=console)
        return finish(console, ci, checked)
