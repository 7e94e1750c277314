"""`edgeconv hook`: check the bundles whose files a commit changes, without changing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.data_options import specification
from edgeconv.cli.parity import parse_limits
from edgeconv.errors import BadInput, GateFailed, UsageError
from edgeconv.reporting import explain, explain_golden

EPILOG = opt.epilog(
    "edgeconv hook models/har/har_int8.tflite", "edgeconv hook --manifest-only models/har/*"
)
BUNDLE = ("manifest.json", "model.keras")  # what every bundle holds


def hook(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Files that the commit changes.")
    ] = None,
    manifest_only: Annotated[
        bool,
        typer.Option("--manifest-only", help="Check digests and completeness, and run no file."),
    ] = False,
    parity: Annotated[
        bool,
        typer.Option(
            "--parity",
            help="Check parity on recordings, the bundle's own or --data, and not only its golden "
            "vectors; --data and --gate imply it.",
        ),
    ] = False,
    data: opt.Data = None,
    gates: opt.Gates = None,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Check the bundles that changed files lie in, for pre-commit.

    Every file runs on its bundle's golden vectors, which needs no recordings. Exit 1 if a file of
    one must not be committed. Nothing is written.
    """
    if manifest_only and (parity or data is not None or gates or allow_not_run):
        raise UsageError(
            "--manifest-only runs no file",
            "leave --parity, --data, --gate and --allow-not-run out",
        )
    limits = parse_limits(gates or [])
    allowed = {"passed", "not_run"} if allow_not_run else {"passed"}
    if absent := [file for file in files or () if not file.exists()]:
        raise BadInput(f"{absent[0]}: no such file", "name files that a commit adds or changes")
    refused: list[dict[str, str]] = []
    # pre-commit shows nothing of a hook that passes; a person who asks sees the steps.
    with Console(quiet or not verbose, verbose, json) as console:
        for folder in bundles_of(files or []):
            if manifest_only:
                from edgeconv.bundle import read_bundle

                read_bundle(folder)
                continue
            on_recordings = parity or data is not None or bool(limits)
            verdicts = (
                _parity(folder, specification(data), limits, console)
                if on_recordings
                else _golden(folder, console)
            )
            for text, status in verdicts:
                if status not in allowed:
                    refused.append({"bundle": str(folder), "status": status, "why": text})
                    console.say(f"{folder}: {text}")
        console.json("edgeconv-hook", {"refused": refused})
    return GateFailed.exit_code if refused else 0


def bundles_of(files: Iterable[Path]) -> list[Path]:
    """The bundles that files lie in, each once; a file that lies in none is skipped."""
    folders = (next(filter(_is_bundle, file.parents), None) for file in files)
    return sorted({folder for folder in folders if folder is not None})


def _is_bundle(folder: Path) -> bool:
    return all((folder / name).is_file() for name in BUNDLE)


def _golden(folder: Path, console: Console) -> Iterator[tuple[str, str]]:
    """The outcome of each file on the bundle's golden vectors in words, and its status."""
    from edgeconv.workflows.golden import check_golden_vectors

    for result in check_golden_vectors(folder, progress=console):
        yield explain_golden(result), str(result.status)


def _parity(
    folder: Path, data: str | None, limits: dict[str, float], console: Console
) -> Iterator[tuple[str, str]]:
    """The outcome of each file in words, and its status.

    The results are not written into the bundle: a hook that changes files stops the commit.
    """
    from edgeconv.workflows.parity import check_artifacts, prepare_parity

    context = prepare_parity(folder, data, gates=limits, progress=console)
    where = f"{context.data.spec}, split {context.data.split}"
    for result in check_artifacts(context).parity:
        yield explain(result, where), str(result.status)
