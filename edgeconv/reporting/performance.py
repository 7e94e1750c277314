"""The report's section on speed: distributions, roofline, operations, devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core import Artifact, Bundle, OpProfile, Peaks, ProfileResult, Status
from edgeconv.reporting import charts, formatting
from edgeconv.reporting.summary import profile_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BINS = 48
_TICKS = 5
_MARKS = "os^Dv*P"
_LABELLED = 0.02  # share of a file's time above which an operation is a point of the roofline


@dataclass(frozen=True)
class Operation:
    """One row of a file's table; `share` of its timed operations' sum."""

    row: OpProfile
    share: float | None

    @property
    def clear(self) -> bool:
        """Whether its time is distinguishable from zero."""
        low = self.row.interval_us[0] if self.row.interval_us else self.row.us
        return bool(low)


@dataclass(frozen=True)
class Section:
    """What the page shows of speed.

    `timed` are the files that ran on the bundle's machine, `devices` the results of others, by
    device.
    """

    timed: tuple[tuple[Artifact, ProfileResult], ...]
    operations: tuple[tuple[Artifact, ProfileResult, tuple[Operation, ...]], ...]
    devices: tuple[tuple[str, tuple[ProfileResult, ...]], ...]
    peaks: Peaks | None
    figures: tuple[str, ...]


def section(bundle: Bundle) -> Section:
    """The section for the artifacts as they are now."""
    profiles = [(a, profile_of(bundle, a)) for a in bundle.artifacts]
    timed = tuple((a, p) for a, p in profiles if p is not None and p.status is Status.PASSED)
    peaks = next((p.peaks for _, p in timed if p.peaks), None)
    return Section(
        timed=timed,
        operations=tuple((a, p, _operations(p)) for a, p in profiles if p is not None and p.ops),
        devices=_devices(bundle),
        peaks=peaks,
        figures=tuple(_figures([p for _, p in timed], peaks)),
    )


def _operations(result: ProfileResult) -> tuple[Operation, ...]:
    total = sum(op.us or 0.0 for op in result.ops)
    return tuple(
        Operation(op, None if op.us is None or not total else op.us / total) for op in result.ops
    )


def _devices(bundle: Bundle) -> tuple[tuple[str, tuple[ProfileResult, ...]], ...]:
    """Results of devices for exactly these bytes, by device, timed ones only."""
    digests = {a.sha256 for a in bundle.artifacts}
    grouped: dict[str, list[ProfileResult]] = {}
    for result in bundle.profile:
        if result.device and result.sha256 in digests and result.status is Status.PASSED:
            grouped.setdefault(result.device, []).append(result)
    return tuple((device, tuple(results)) for device, results in sorted(grouped.items()))


def _figures(results: Sequence[ProfileResult], peaks: Peaks | None) -> list[str]:
    figures = []
    spread = [r for r in results if len(r.samples_us) > 1]
    if spread:
        figures.append(_distributions(spread))
    if peaks and any(_points(r) for r in results):
        figures.append(_roofline([r for r in results if _points(r)], peaks))
    return figures


def _distributions(results: Sequence[ProfileResult]) -> str:
    """One hill a file: how often an inference took how long, on a logarithmic axis."""
    import numpy as np

    # rare interruptions are thousands of times as long; the table has what the axis does not show
    low = min(min(r.samples_us) for r in results) * 0.95
    high = max(float(np.percentile(r.samples_us, 90)) for r in results) * 1.25
    edges = np.geomspace(max(low, 1e-3), max(high, low * 1.2), _BINS + 1)
    middles = np.sqrt(edges[:-1] * edges[1:])

    def draw(axes: Axes) -> None:
        for place, result in enumerate(results):
            counts, _ = np.histogram(result.samples_us, edges)
            heights = 0.8 * counts / max(int(counts.max()), 1)
            axes.fill_between(middles, place, place - heights, step="mid", color=charts.ONE, lw=0)
            p50 = result.latency_us["p50"]
            axes.plot([p50, p50], [place - 0.9, place], color=charts.TWO, lw=1.6)
        axes.set_xscale("log")
        axes.set_yticks(range(len(results)), [_short(r) for r in results])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(results) - 0.7, -1.05)
        _plain_ticks(axes, float(edges[0]), float(edges[-1]))
        axes.set_xlabel("one inference; line: p50")
        axes.set_title("Distributions")

    listed = "; ".join(
        f"{_short(r)} p50 {formatting.duration(r.latency_us['p50'])}, p99 "
        f"{formatting.duration(r.latency_us['p99'])}"
        for r in results
    )
    size = (charts.WIDE, max(3.2, 0.9 + 0.36 * len(results)))
    return charts.svg(draw, size, "distributions", f"Distributions of latency: {listed}.")


def _roofline(results: Sequence[ProfileResult], peaks: Peaks) -> str:
    """Operations a second over operations a byte, under the roofline of this machine."""
    import numpy as np

    points = [(r, _points(r)) for r in results]
    reached = [op.gflops or 0.0 for _, ops in points for op in ops]
    wide = [op.intensity for _, ops in points for op in ops]
    x = np.geomspace(min(*wide, 0.25) / 2, max(*wide, 64.0) * 2, 100)

    def draw(axes: Axes) -> None:
        roofs = [("-", peaks.gflops, peaks.cache_gbs, "float32")]
        if peaks.int8_gflops:
            roofs.append(("-.", peaks.int8_gflops, peaks.cache_gbs, "int8"))
        roofs.append(("--", peaks.gflops, peaks.memory_gbs, "float32 from memory"))
        for line, most, bandwidth, name in roofs:
            y = np.minimum(most, bandwidth * x)
            axes.plot(x, y, line, color=charts.INK, lw=1.1, label=f"roof, {name}")
        for number, (result, ops) in enumerate(points):
            colour = charts.ONE if number % 2 == 0 else charts.TWO
            axes.plot(
                [op.intensity for op in ops],
                [op.gflops or 0.0 for op in ops],
                _MARKS[number % len(_MARKS)],
                color=colour,
                markersize=5,
                label=_short(result),
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        charts.decades(axes.xaxis)
        charts.decades(axes.yaxis)
        axes.set_ylim(min(reached) / 2, max(*reached, peaks.gflops, peaks.int8_gflops or 0.0) * 2)
        axes.set_xlabel("operations a byte")
        axes.set_ylabel("GFLOP/s")
        axes.grid(visible=True)
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.22), ncols=1)
        axes.set_title("Roofline")

    listed = "; ".join(
        f"{_short(r)} up to {max(op.gflops or 0.0 for op in ops):.0f} GFLOP/s" for r, ops in points
    )
    text = f"Roofline: peak {peaks.gflops:.0f} GFLOP/s, {peaks.cache_gbs:.0f} GB/s; {listed}."
    tall = 3.0 + 0.24 * (len(points) + 3)
    return charts.svg(draw, (charts.WIDE, tall), "roofline", text)


def _points(result: ProfileResult) -> list[OpProfile]:
    """Operations with arithmetic whose time is clear and matters."""
    return [
        op.row
        for op in _operations(result)
        if op.row.gflops and op.clear and (op.share or 0.0) >= _LABELLED
    ]


def _plain_ticks(axes: Axes, low: float, high: float) -> None:
    """A few round durations instead of powers of ten, of which a narrow range may have none."""
    from matplotlib.ticker import NullLocator

    steps = [d * 10.0**e for e in range(-3, 8) for d in (1, 2, 5)]
    shown = [s for s in steps if low <= s <= high] or [low, high]
    while len(shown) > _TICKS:
        shown = shown[::2]
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(shown, [formatting.duration(s) for s in shown])


def _short(result: ProfileResult) -> str:
    """A tick label; `$` would begin a formula."""
    return f"{result.target} {result.scheme}".replace("$", r"\$")
