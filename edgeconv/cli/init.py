"""`edgeconv init`: a recipe to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.errors import UsageError
from edgeconv.recipes import commented_recipe

EPILOG = opt.epilog("edgeconv init", "edgeconv init walking.toml && edgeconv run walking.toml")


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write.")] = Path(
        "recipe.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Write a recipe in which every key is explained."""
    with Console(quiet, verbose, json) as console:
        if file.suffix != ".toml":
            raise UsageError(f"{file} does not end in .toml", f"name it {file.stem}.toml")
        if file.exists() and not force:
            raise UsageError(f"{file} exists", "pass --force to replace it, or name another file")
        from edgeconv.bundle import write_text

        write_text(file, commented_recipe())
        console.say(f"{file}\nRun it with: edgeconv run {file}")
        console.json("edgeconv-init", {"path": str(file)})
    return 0
