"""Charts as inline SVG that follow the page's colours and are the same bytes every time.

A histogram of a file's errors by size, as a chart and in words.

Sensor readings of single windows as small drawings, as SVG.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from edgeconv.core import ErrorHistogram, ParityResult
from edgeconv.reporting import formatting
from edgeconv.reporting.summary import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

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
            axes.bar(low, count, high - low, align="edge", color=BAD if beyond else ONE)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(histogram.edges[0], histogram.edges[-1])
        axes.set_ylim(_LEAST, max(10, *counts) * 2)
        decades(axes.xaxis)
        decades(axes.yaxis)
        if limit is not None:
            axes.axvline(limit, color=INK, lw=1.2, ls="--")
        axes.set_xlabel("size of an output's error")
        axes.set_ylabel("outputs")
        axes.set_title("Errors against the reference")
        axes.grid(visible=True, axis="y")

    return svg(draw, (WIDE, 2.6), name, f"Errors of {result.artifact}: {error_words(histogram)}")


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


WIDTH, HEIGHT = 240, 72
_PAD = 3
_COLOURS = ("var(--accent)", "rgb(var(--bad))", "var(--second)")
_DASHES = ("", "4 2", "1 2")  # so that the axes differ without colors


def trace(readings: Sequence[float], channels: Sequence[str], title: str) -> str:
    """One window (x0 y0 z0 x1 …) as an SVG element, an axis a line; its range is written beside.

    `title` is for screen readers; it must not contain markup.
    """
    width = len(channels)
    low, high = min(readings), max(readings)
    span = (high - low) or 1.0
    steps = max(len(readings) // width - 1, 1)
    lines = []
    for i in range(width):
        column = readings[i::width]
        points = " ".join(
            f"{_PAD + t / steps * (WIDTH - 2 * _PAD):.1f},"
            f"{HEIGHT - _PAD - (value - low) / span * (HEIGHT - 2 * _PAD):.1f}"
            for t, value in enumerate(column)
        )
        style = f'stroke="{_COLOURS[i % 3]}"'
        if dash := _DASHES[i % 3]:
            style += f' stroke-dasharray="{dash}"'
        lines.append(f'<polyline fill="none" stroke-width="1.3" {style} points="{points}"/>')
    return (
        f'<svg class="trace" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">'
        f"{''.join(lines)}</svg>"
    )


# Stand-ins that become the page's own colours (CSS variables), so that a dark page stays legible.
INK, GRID, ONE, TWO, BAD = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f"
_PAGE_COLOURS = {
    INK: "currentColor",
    GRID: "var(--line)",
    ONE: "var(--accent)",
    TWO: "var(--second)",
    BAD: "rgb(var(--bad))",
}
TEXT = 12.0
"""Units of a drawing, 72 an inch: 12 px or more where a phone has 336 px for `WIDE` inches."""
WIDE = 4.6
_STYLE = {
    "svg.hashsalt": "edgeconv",
    "svg.fonttype": "none",
    "svg.id": None,
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.titlelocation": "left",
    "legend.fontsize": TEXT,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
}


def learning_curve(history: Sequence[Mapping[str, float]], key: str, title: str) -> str:
    """`key` and `val_key` over epochs; epochs where one is missing leave a gap."""

    def draw(axes: Axes) -> None:
        for name, colour, line, label in (
            (key, TWO, "--", "training subjects"),
            (f"val_{key}", ONE, "-", "validation subjects"),
        ):
            pairs = [(e["epoch"], e[name]) for e in history if name in e]
            if pairs:
                mark = "o" if len(pairs) == 1 else ""
                axes.plot(*zip(*pairs, strict=True), line, marker=mark, color=colour, label=label)
        axes.set_xlabel("epoch")
        axes.set_title(title)
        axes.grid(visible=True)
        axes.legend(loc="best")

    last = history[-1]
    end = ", ".join(f"{n} {formatting.number(last[n])}" for n in (key, f"val_{key}") if n in last)
    description = f"{title} over {formatting.plural(len(history), 'epoch')}; at the end {end}."
    return svg(draw, (WIDE, 2.9), f"curve-{key}", description)


def bars(
    rows: Sequence[Row],
    title: str,
    value: Callable[[Row], float | None],
    text: Callable[[float | None], str],
    name: str,
) -> str:
    """One bar an artifact, each with its value; what was not measured says so and has no bar."""
    values = [value(row) for row in rows]
    most = max((v for v in values if v is not None), default=0.0) or 1.0

    def draw(axes: Axes) -> None:
        places = range(len(rows))
        axes.barh(places, [v or 0.0 for v in values], height=0.62, color=ONE)
        for place, v in zip(places, values, strict=True):
            axes.text((v or 0.0) + most * 0.02, place, text(v), va="center")
        axes.set_yticks(places, [_short(row) for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, most * 1.4)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.invert_yaxis()
        axes.set_title(title)

    listed = "; ".join(f"{_short(r)} {text(v)}" for r, v in zip(rows, values, strict=True))
    return svg(draw, (WIDE, 0.5 + 0.27 * len(rows)), name, f"{title}: {listed}.")


def _short(row: Row) -> str:
    """A tick label; `$` would begin a formula."""
    return f"{row.target} {row.scheme}".replace("$", r"\$")


def decades(axis: Axis) -> None:
    """Powers of ten in plain text: a formula's exponents would be too small to read."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    digits = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"10{str(round(math.log10(value))).translate(digits)}")
    )
    axis.set_minor_locator(NullLocator())


def svg(
    draw: Callable[[Axes], None], inches: tuple[float, float], name: str, description: str
) -> str:
    """Draw into an SVG element with a title, unique ids, and neither dates nor addresses."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: dict[str, Any] = {k: v for k, v in _STYLE.items() if k in mpl.rcParams}
    with mpl.rc_context():
        mpl.rcdefaults()  # the reader's own matplotlibrc must not change the bytes
        mpl.rcParams.update(style)
        figure = Figure(figsize=inches, layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        draw(axes)
        buffer = io.StringIO()
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), name, description)


def _inline(document: str, name: str, description: str) -> str:
    """A standalone SVG document as an element of the page."""
    body = document[document.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(url\(#|href="#)', rf"\1{name}-", body)
    view = re.search(r'viewBox="[^"]+"', body)
    opening = (
        f'<svg {view.group() if view else ""} role="img" aria-labelledby="{name}-title">'
        f'<title id="{name}-title">{escape(description)}</title>'
    )
    body = opening + body[body.index(">") + 1 :]
    for stand_in, colour in _PAGE_COLOURS.items():
        body = body.replace(stand_in, colour)
    return body.strip()
