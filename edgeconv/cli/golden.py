"""`edgeconv golden check`: do the files of a bundle give what its golden vectors say, here or on a
device?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.compare import finish
from edgeconv.cli.console import CiOutput, Console
from edgeconv.errors import UsageError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings=opt.HELP_NAMES)
EPILOG = opt.epilog(
    "edgeconv golden check out/har --junit golden.xml",
    "edgeconv golden check out/har results.json",
)


@app.command("check", epilog=EPILOG)
def check(
    bundle: opt.BundlePath,
    results: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RESULTS]",
            help="JSON file that a device wrote. Without it the files run here.",
        ),
    ] = None,
    runtime: opt.Runtimes = None,
    junit: opt.Junit = None,
    summary: opt.Summary = None,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Run a bundle's files on its own golden vectors, or check what a device recorded for them.

    No recordings are needed, no TensorFlow and no Mac. Exit 1 if an output lies outside its
    tolerance, or if a check did not run.
    """
    ci = CiOutput(junit, summary, allow_not_run)
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.golden import check_device_outputs, check_golden_vectors

        with ci.refusals():
            if results is None:
                asked = tuple(runtime or ("auto",))
                checked = check_golden_vectors(bundle, runtimes=asked, progress=console)
            elif runtime:
                raise UsageError(
                    "--runtime runs the files here, and RESULTS were recorded elsewhere",
                    "leave one of them out",
                )
            else:
                checked = check_device_outputs(bundle, results, progress=console)
        return finish(console, ci, checked)
