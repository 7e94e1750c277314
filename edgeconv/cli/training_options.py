"""Options of the commands that train: the network and its recipe, and where many fits run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgeconv.cli.options import completing
from edgeconv.recipes import BUILT_IN
from edgeconv.search.executors import EXECUTORS


def complete_model(incomplete: str) -> list[str]:
    """Networks, and the families that describe one."""
    from edgeconv.models import MODELS

    return completing(name.removesuffix("SPEC") for name in MODELS)(incomplete)


def model_choices() -> dict[str, dict[str, list[str]]]:
    """The networks that `train` can fit, for an epilog."""
    from edgeconv.models import MODELS

    return {"Networks of --model": {"": list(MODELS)}}


def model_option(help_: str, name: str = "--model") -> Any:
    """`--model`, or another name for a network, with what it is for in this command."""
    return typer.Option(name, metavar="NAME", help=help_, autocompletion=complete_model)


def recipe_option(help_: str) -> Any:
    """`--recipe` with what it is for in this command."""
    return typer.Option(
        "--recipe", metavar="RECIPE", help=help_, autocompletion=completing(BUILT_IN)
    )


Folds = Annotated[
    int, typer.Option("--folds", metavar="N", help="Groups of subjects; each is held out once.")
]


def executor(help_: str) -> Any:
    """`--executor` with what runs on it in this command."""
    return typer.Option(
        "--executor",
        metavar="|".join(EXECUTORS),
        help=help_,
        autocompletion=completing(EXECUTORS),
    )


Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Processes of --executor. Default: one for each core.",
    ),
]
Address = Annotated[
    str, typer.Option("--address", metavar="URL", help="Address of the Ray cluster.")
]


def tracking_uri(help_: str) -> Any:
    """`--tracking-uri` with what is tracked in this command."""
    return typer.Option("--tracking-uri", metavar="URI", help=help_)
