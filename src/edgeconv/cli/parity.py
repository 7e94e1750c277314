"""`edgeconv parity`: does what ships behave like what was trained?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.show import gate, show_bundle
from edgeconv.errors import UsageError
from edgeconv.report import render_junit, words

if TYPE_CHECKING:
    from edgeconv.pipeline import ParityResult


def parity(
    bundle: opt.BundlePath,
    data: opt.Data = None,
    split: opt.Split = "test",
    runtime: Annotated[
        list[str] | None,
        typer.Option("--runtime", metavar="NAME", help="Default: auto; may be repeated."),
    ] = None,
    gates: Annotated[
        list[str] | None,
        typer.Option("--gate", metavar="NAME=VALUE", help="Another limit; may be repeated."),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop",
            metavar="SHARE",
            help="Accuracy may not fall by more, with confidence: 0.005 is half a point.",
        ),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option("--confidence", metavar="SHARE", help="Of --max-drop; default: 0.95."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")
    ] = None,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Check that every file behaves like the float model; exit 1 if one does not."""
    console = Console(quiet, verbose, json)
    limits = _limits(gates or [], max_drop, confidence)
    from edgeconv.pipeline import parity as check

    try:
        checked = check(bundle, data, split, tuple(runtime or ("auto",)), limits, console)
    finally:
        console.close()
    show_bundle(console, checked)
    _show_gates(console, checked.parity)
    _write_junit(junit, checked.parity, allow_not_run)
    return gate(checked, allow_not_run)


def _show_gates(console: Console, results: Sequence[ParityResult]) -> None:
    """Every check that is no pass, and where to look first."""
    checks = [(r, c) for r in results for c in r.checks if str(c.status) != "passed"]
    if not checks:
        return
    rows = [
        (
            r.artifact,
            r.runtime,
            c.name,
            words.number(c.value),
            f"{c.direction} {words.number(c.limit)}",
            words.status(c.status),
        )
        for r, c in checks
    ]
    headings = ("file", "runtime", "gate", "value", "limit", "outcome")
    console.table("Gates not passed", headings, rows)
    for result, check in checks:
        if check.reason and check.reason not in result.reason:
            console.say(f"  {result.artifact}: {check.name}: {check.reason}")


def _write_junit(path: Path | None, results: Sequence[ParityResult], allow_not_run: bool) -> None:
    if path is None:
        return
    from edgeconv.pipeline import write_text

    write_text(path, render_junit(results, allow_not_run))


def _limits(
    gates: Sequence[str], max_drop: float | None, confidence: float | None
) -> dict[str, float]:
    named = {"max_drop": max_drop, "confidence": confidence}
    return dict(map(_gate, gates)) | {k: v for k, v in named.items() if v is not None}


def _gate(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        if equals:
            return name.strip(), float(value)
    except ValueError:
        pass
    raise UsageError(f"--gate {text}: not NAME=NUMBER", "for example --gate top1_agreement=0.99")
