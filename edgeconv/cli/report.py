"""`edgeconv report`: a bundle's report, written again from its files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.tables import show_bundle

EPILOG = opt.epilog("edgeconv report out/har", "edgeconv report out/har --out summary.md")


def report(
    bundle: opt.BundlePath,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="File to write, .html or .md. Default: report.html in the bundle.",
        ),
    ] = None,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Write the offline report of a bundle and show its table."""
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.report import write_report

        read, path = write_report(bundle, out)
        show_bundle(console, read)
        console.say(f"\nReport: {path}")
    return 0
