"""`edgeconv card`: model card and bill of materials of a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console

EPILOG = opt.epilog(
    "edgeconv card out/har",
    "edgeconv card out/har --license Apache-2.0 --supplier 'Example Ltd'",
    "edgeconv card out/har --name steps --out release",
)


def card(
    bundle: opt.BundlePath,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder to write to. Default: the bundle."),
    ] = None,
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="Name of the model. Default: the recipe's, or BUNDLE's."
        ),
    ] = "",
    license_: Annotated[
        str,
        typer.Option("--license", metavar="SPDX", help="The model's license, such as Apache-2.0."),
    ] = "",
    supplier: Annotated[
        str, typer.Option("--supplier", metavar="NAME", help="Who is responsible for the model.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Replace a card that was edited or is out of date.")
    ] = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Write a model card and a bill of materials (CycloneDX) from the manifest of a bundle.

    MODEL_CARD.md says what the model is for, on whom it was judged and where it ends; its owner
    completes it. bom.cdx.json names every file with its digest, the data and the packages.
    """
    with Console(quiet, verbose, json) as console:
        from edgeconv.workflows.card import CardOptions, write_card

        options = CardOptions(name=name, license=license_, supplier=supplier, force=force)
        written = write_card(bundle, out, options)
        console.say(f"Model card: {written.model_card}")
        console.say(f"Bill of materials, {written.files} files: {written.bom}")
        console.json("edgeconv-card", written.to_json())
    return 0
