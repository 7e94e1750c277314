"""Charts as inline SVG that follow the page's colours and are the same bytes every time."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from edgeconv.reporting import formatting
from edgeconv.reporting.summary import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

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
