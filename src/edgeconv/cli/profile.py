"""`profile`: how fast and how large files are, also against an earlier profile, also on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from edgeconv.cli import options as opt
from edgeconv.cli.console import Console
from edgeconv.errors import GateFailed, UsageError

if TYPE_CHECKING:
    from edgeconv.pipeline import Comparison, ProfileResult

_MEASURE = "measure"
_OUTCOMES = {"unclear": "not told apart"}


class _MeasureByDefault(TyperGroup):
    """`edgeconv profile FILE` is `edgeconv profile measure FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = [_MEASURE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_MeasureByDefault, context_settings={"help_option_names": ["-h", "--help"]})


@app.command(_MEASURE)
def measure(
    paths: Annotated[list[Path], typer.Argument(metavar="BUNDLE|ARTIFACT...")],
    num_runs: Annotated[int, typer.Option("--num-runs", min=1, metavar="N")] = 300,
    warmup_runs: Annotated[int, typer.Option("--warmup-runs", min=0, metavar="N")] = 50,
    num_threads: Annotated[int, typer.Option("--num-threads", min=1, metavar="N")] = 1,
    runtime: opt.Runtime = "auto",
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline", metavar="FILE", help="An earlier profile's JSON, a bundle or an artifact."
        ),
    ] = None,
    max_slowdown: Annotated[
        float | None,
        typer.Option(
            "--max-slowdown", metavar="SHARE", help="Against the baseline; default 0.05 (5 %)."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Latency alone: no operations, memory and peaks.")
    ] = False,
    allow_not_run: opt.AllowNotRun = False,
    json: opt.JsonFile = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Latency on this machine, size, memory, and where the time goes.

    With --baseline: exit 1 if a file is slower. `edgeconv profile import RESULT BUNDLE` adds a
    result that was measured elsewhere.
    """
    if max_slowdown is not None and baseline is None:
        raise UsageError("--max-slowdown needs a --baseline", "name an earlier profile")
    console = Console(quiet, verbose, json)
    shared: dict[str, Any] = {
        "runs": num_runs,
        "warmup": warmup_runs,
        "threads": num_threads,
        "runtime": runtime,
        "progress": console,
        "why": not quick,
    }
    from edgeconv import pipeline

    compared: list[Comparison] | None = None
    try:
        if baseline is None:
            results = pipeline.profile(paths, **shared)
        else:
            if max_slowdown is not None:
                shared["max_slowdown"] = max_slowdown
            results, compared = pipeline.profile_against(paths, baseline, **shared)
    finally:
        console.close()
    _show(console, results, verbose or len(results) == 1)
    return _close(console, results, compared, allow_not_run)


def _close(
    console: Console,
    results: Sequence[ProfileResult],
    compared: Sequence[Comparison] | None,
    allow_not_run: bool,
) -> int:
    """Comparisons, JSON, exit code."""
    beside = {c.artifact: c.to_json() for c in compared or ()}
    if compared is not None:
        _show_compared(console, compared)
    console.json(
        [
            r.to_json() | ({"baseline": beside.get(r.artifact)} if compared is not None else {})
            for r in results
        ]
    )
    statuses = {str(c.status) for c in compared or ()}
    failed = "failed" in statuses or ("not_run" in statuses and not allow_not_run)
    return GateFailed.exit_code if failed else 0


def _show(console: Console, results: Sequence[ProfileResult], with_operations: bool) -> None:
    where = ", ".join(dict.fromkeys(r.device or "this machine" for r in results))
    console.table(
        f"Profile (µs, {where})",
        (
            *("file", "bytes", "p50", "95 %", "p90", "p99", "first"),
            *("MACs", "peak tensors", "runtime"),
        ),
        [_row(r) for r in results],
    )
    for result in results:
        if result.reason:
            console.say(f"  {result.artifact}: {result.reason}")
        if result.ops and with_operations:
            _show_operations(console, result)


def _row(result: ProfileResult) -> tuple[str, ...]:
    ran = str(result.status) == "passed"
    engine = f"{result.runtime} ({result.kernels})" if result.kernels else result.runtime
    return (
        result.artifact,
        str(result.bytes),
        _number(result.latency_us.get("p50")),
        _interval(result.interval_us),
        *(_number(result.latency_us.get(q)) for q in ("p90", "p99")),
        _number(result.first_us),
        _number(result.macs),
        _number(result.peak_tensor_bytes),
        f"{engine} × {result.threads}" if ran else "not run",
    )


def _show_operations(console: Console, result: ProfileResult) -> None:
    total = sum(op.us or 0.0 for op in result.ops)
    console.table(
        f"{result.artifact}: operations",
        ("operation", "µs", "95 %", "share", "MACs", "bytes", "ops/byte", "GFLOP/s"),
        [
            (
                op.kind,
                _number(op.us),
                _interval(op.interval_us),
                f"{op.us / total:.0%}" if op.us is not None and total else "–",
                _number(op.macs),
                _number(op.bytes),
                _number(op.intensity),
                _number(op.gflops),
            )
            for op in result.ops
        ],
    )
    if result.ops_method:
        console.say(f"  operations: {result.ops_method}")


def _show_compared(console: Console, compared: Sequence[Comparison]) -> None:
    console.table(
        "Against the baseline (p50, ratio to it)",
        ("file", "outcome", "ratio", "99 %", "limit", "baseline"),
        [
            (
                c.artifact,
                _OUTCOMES.get(str(c.change), str(c.change)),
                _number(c.ratio),
                _span(c.low, c.high),
                _number(c.limit),
                c.baseline or "–",
            )
            for c in compared
        ],
    )
    said = [": ".join(filter(None, (c.samples, c.reason))) for c in compared]
    for text in dict.fromkeys(said):
        names = [c.artifact for c, about in zip(compared, said, strict=True) if about == text]
        console.say(f"  {', '.join(names)}: {text}")


def _interval(pair: tuple[float, float] | None) -> str:
    return "–" if pair is None else _span(*pair)


def _span(low: float | None, high: float | None) -> str:
    if low is None:
        return "–"
    return f"{_number(low)}…{'∞' if high is None else _number(high)}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
