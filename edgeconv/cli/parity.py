"""`edgeconv parity`: does what ships behave like what was trained?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.cli.layers import show_layers
from edgeconv.cli.outcome import Outcome
from edgeconv.cli.show import gate, gate_results, show_bundle, worst_of
from edgeconv.errors import UsageError
from edgeconv.recipes import parse_sensor
from edgeconv.reporting import formatting, render_markdown, render_results

if TYPE_CHECKING:
    from edgeconv.core import Check, ParityResult
    from edgeconv.core.layerwise import LayersResult


def parity(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="BUNDLE | REFERENCE FILE", help="A folder, or any two model files."),
    ],
    data: opt.Data = None,
    split: opt.Split = "test",
    runtime: opt.Runtimes = None,
    gates: opt.Gates = None,
    max_accuracy_drop: opt.MaxAccuracyDrop = None,
    confidence: opt.Confidence = None,
    sensor: opt.Sensors = None,
    allow_custom_code: opt.AllowCustomCode = False,
    layers: opt.Layers = False,
    golden: opt.Golden = None,
    junit: opt.Junit = None,
    summary: opt.Summary = None,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Check that every file behaves like the float model, or one file like another.

    Exit 1 if one does not, or if a check did not run.
    """
    console = Console(quiet, verbose, json)
    limits = parse_limits(gates or [], max_accuracy_drop, confidence)
    runtimes = tuple(runtime or ("auto",))
    outcome = Outcome(junit, summary, allow_not_run)
    if golden is not None:
        return _recorded(console, paths, golden, outcome)
    if len(paths) == 1:
        return _bundle(console, paths[0], data, split, runtimes, limits, layers, outcome)
    from edgeconv.workflows.compare import compare_files
    from edgeconv.workflows.compare_layers import compare_inside

    first, second, spec = _two(paths, data)
    whose = [parse_sensor(name) for name in sensor or ()]
    try:
        with outcome.refusals():
            results = compare_files(
                first, second, spec, split, runtimes, limits, whose, allow_custom_code, console
            )
            inside = (
                compare_inside(
                    first, second, spec, split, runtimes, whose, allow_custom_code, console
                )
                if layers
                else ()
            )
    finally:
        console.close()
    return _finish(console, results, outcome, inside)


def _two(paths: Sequence[Path], data: str | None) -> tuple[Path, Path, str]:
    if len(paths) > 2:
        raise UsageError(f"{len(paths)} files are named", "name a bundle, or two files")
    if data is None:
        raise UsageError("two files are compared on recordings", "name some: --data SPEC")
    return paths[0], paths[1], data


def _recorded(console: Console, paths: Sequence[Path], recorded: Path, outcome: Outcome) -> int:
    if len(paths) != 1:
        raise UsageError("--golden checks one bundle", "name its folder alone")
    from edgeconv.workflows.golden import check_recorded

    try:
        with outcome.refusals():
            results = check_recorded(paths[0], recorded, console)
    finally:
        console.close()
    return _finish(console, results, outcome)


def _finish(
    console: Console,
    results: Sequence[ParityResult],
    outcome: Outcome,
    inside: Sequence[LayersResult] = (),
) -> int:
    show_results(console, results, inside)
    outcome.results(results, lambda: render_results(results))
    return gate_results(results, outcome.allow_not_run)


def _bundle(
    console: Console,
    path: Path,
    data: str | None,
    split: str,
    runtimes: tuple[str, ...],
    limits: dict[str, float],
    layers: bool,
    outcome: Outcome,
) -> int:
    from edgeconv.workflows.parity import parity as check

    try:
        with outcome.refusals():
            checked = check(path, data, split, runtimes, limits, console, layers)
    finally:
        console.close()
    show_bundle(console, checked)
    _show_gates(console, checked.parity)
    if layers:
        show_layers(console, checked.layers)
    outcome.results(checked.parity, lambda: render_markdown(checked))
    return gate(checked, outcome.allow_not_run)


def show_results(
    console: Console, results: Sequence[ParityResult], inside: Sequence[LayersResult] = ()
) -> None:
    """Results that belong to no bundle: a line a file, its checks, and JSON."""
    for result in results:
        against = f" against {result.reference['name']}" if result.reference else ""
        console.say(
            f"{result.artifact} ({result.scheme}) on {result.runtime or 'no runtime'}{against}: "
            f"{formatting.status(result.status)}, {formatting.plural(result.n, 'window')}"
        )
        if result.evidence:
            found = result.evidence
            console.say(f"  same answer {formatting.between(found.agreement)}; {found.drop.reason}")
        if result.reason:
            console.say(f"  {result.reason}")
    console.table(
        "Checks",
        ("file", "runtime", "check", "value", "limit", "outcome"),
        [_check_row(r, c) for r in results for c in r.checks],
    )
    show_layers(console, inside)
    console.json(
        {
            "status": str(worst_of(results)),
            "parity": [result.to_json() for result in results],
            **({"layers": [result.to_json() for result in inside]} if inside else {}),
        }
    )


def _show_gates(console: Console, results: Sequence[ParityResult]) -> None:
    """Every check that is no pass, and where to look first."""
    checks = [(r, c) for r in results for c in r.checks if str(c.status) != "passed"]
    if not checks:
        return
    rows = [_check_row(r, c) for r, c in checks]
    headings = ("file", "runtime", "gate", "value", "limit", "outcome")
    console.table("Gates not passed", headings, rows)
    for result, check in checks:
        if check.reason and check.reason not in result.reason:
            console.say(f"  {result.artifact}: {check.name}: {check.reason}")


def _check_row(result: ParityResult, check: Check) -> tuple[str, ...]:
    return (
        result.artifact,
        result.runtime,
        check.name,
        formatting.number(check.value),
        f"{check.direction} {formatting.number(check.limit)}",
        formatting.status(check.status),
    )


def parse_limits(
    gates: Sequence[str], max_drop: float | None = None, confidence: float | None = None
) -> dict[str, float]:
    """`NAME=VALUE` words as limits, those of `--max-accuracy-drop` and `--confidence` among them.

    Raises:
        UsageError: a word is something else.
    """
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
