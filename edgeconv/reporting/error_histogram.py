"""A histogram of a file's errors by size, as a chart and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeconv.core import ErrorHistogram, ParityResult
from edgeconv.reporting import charts, formatting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEAST = 0.7  # of a logarithmic axis of counts: below a bar of 1


def error_chart(result: ParityResult, name: str) -> str:
    """Errors by size, both axes logarithmic, so that a few large ones can be seen beside many
    small ones; those beyond the gate `max_abs` in the colour of what is wrong.

    The axis is the same for every file of a report, so that pictures can be compared by eye.
    Empty if the result has no histogram.
    """
    histogram = result.evidence.errors if result.evidence else None
    if histogram is None:
        return ""
    counts = [a + b for a, b in zip(histogram.above, histogram.below, strict=True)]
    limit = _limit(result)

    def draw(axes: Axes) -> None:
        for i, count in enumerate(counts):
            low, high = histogram.edges[i], histogram.edges[i + 1]
            beyond = limit is not None and low >= limit
            axes.bar(
                low, count, high - low, align="edge", color=charts.BAD if beyond else charts.ONE
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(histogram.edges[0], histogram.edges[-1])
        axes.set_ylim(_LEAST, max(10, *counts) * 2)
        charts.decades(axes.xaxis)
        charts.decades(axes.yaxis)
        if limit is not None:
            axes.axvline(limit, color=charts.INK, lw=1.2, ls="--")
        axes.set_xlabel("size of an output's error")
        axes.set_ylabel("outputs")
        axes.set_title("Errors against the reference")
        axes.grid(visible=True, axis="y")

    return charts.svg(
        draw, (charts.WIDE, 2.6), name, f"Errors of {result.artifact}: {error_words(histogram)}"
    )


def error_words(histogram: ErrorHistogram) -> str:
    """The histogram in a sentence: median, largest, and sides."""
    total = histogram.total
    half, most = (formatting.number(_quantile(histogram, q)) for q in (0.5, 1.0))
    shares = (sum(histogram.above), sum(histogram.below), histogram.equal)
    above, below, equal = (formatting.percent(n / total) if total else "0 %" for n in shares)
    return (
        f"Half of {formatting.plural(total, 'output')} differ by at most {half}, none by more than "
        f"{most}; {above} are above the reference, {below} below, {equal} equal."
    )


def _quantile(histogram: ErrorHistogram, share: float) -> float:
    """Upper edge of the bin in which that share of all values is reached; 0 if they are equal."""
    reached = histogram.equal
    if reached >= share * histogram.total:
        return 0.0
    for edge, above, below in zip(
        histogram.edges[1:], histogram.above, histogram.below, strict=True
    ):
        reached += above + below
        if reached >= share * histogram.total:
            return edge
    return histogram.edges[-1]


def _limit(result: ParityResult) -> float | None:
    """The limit of `max_abs`, if there is that gate."""
    limits = [c.limit for c in result.checks if c.name == "max_abs" and c.limit is not None]
    return limits[0] if limits and limits[0] > 0 else None
