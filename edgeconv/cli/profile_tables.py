"""Tables of `profile`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeconv.cli.console import Console

if TYPE_CHECKING:
    from edgeconv.core import Comparison, ProfileResult

_OUTCOMES = {"unclear": "not told apart"}


def show_profile(console: Console, results: Sequence[ProfileResult], with_operations: bool) -> None:
    """Latency and cost of each file; on demand its operations."""
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
        golden = result.details.get("golden")
        if golden:
            told = ": ".join(filter(None, (golden["status"], golden["reason"])))
            console.say(f"  {result.artifact}: {golden['n']} golden vectors on it: {told}")
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
                _number(op.gflops if op.interval_us and op.interval_us[0] else None),
            )
            for op in result.ops
        ],
    )
    if result.ops_method:
        console.say(f"  operations: {result.ops_method}")


def show_compared(console: Console, compared: Sequence[Comparison]) -> None:
    """Each file against its baseline, and how the two were timed."""
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
