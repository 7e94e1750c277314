"""The front as a drawing and as one page that needs no network."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any

from edgeconv.search.candidates import Point
from edgeconv.search.results import SearchResult
from edgeconv.search.table import HEADINGS, notes, rows, summary

_NEEDLESS = re.compile(r"<!--.*?-->\n?|<metadata>.*?</metadata>\n?", re.DOTALL)
INK, GRAY, LINE, MARK = "#1f2328", "#8b949e", "#0a66c2", "#b3500b"
_STYLE = {"svg.hashsalt": "edgeconv", "svg.fonttype": "none", "svg.id": None, "font.size": 11}
_TICKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #1f2328; background: #fff;
  max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }}
svg {{ width: 100%; height: auto; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: 14px; }}
th, td {{ padding: .35rem .7rem; border-bottom: 1px solid #d8dee4; text-align: right;
  white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
tr.chosen td {{ font-weight: 600; }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
{drawing}
<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>
{body}
</tbody></table></div>
<ul>{notes}</ul>
</html>
"""


def render_page(result: SearchResult, drawing: str) -> str:
    """front.html: summary, drawing, table and notes; the same bytes for the same result."""
    title = f"Search of recipe {result.recipe}"
    svg = drawing[drawing.index("<svg") :]
    return _PAGE.format(
        title=escape(title),
        summary="<br>".join(map(escape, summary(result))),
        drawing=svg,
        head="".join(f"<th>{escape(h)}</th>" for h in HEADINGS),
        body="\n".join(map(_row, rows(result))),
        notes="".join(f"<li>{escape(text)}</li>" for text in notes(result)),
    )


def render_plot(result: SearchResult) -> str:
    """front.svg: accuracy with intervals over bytes, on a logarithmic axis."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9, 5), layout="constrained")
        axes = figure.add_subplot()
        _draw_trials(axes, result.points, {m.point.key for m in result.members})
        _draw_members(axes, result)
        _draw_anchor(axes, result)
        _label(axes, result)
        # Outside: intervals are long, and anywhere.
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
        sink = io.StringIO()
        figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": None})
    return _NEEDLESS.sub("", sink.getvalue())


def _draw_trials(axes: Any, points: Sequence[Point], members: set[tuple[str, str]]) -> None:
    others = [p for p in points if p.key not in members]
    axes.scatter(
        [p.bytes / 1024 for p in others],
        [p.accuracy * 100 for p in others],
        *(14, GRAY),
        alpha=0.6,
        label="judged, with one seed",
    )


def _draw_members(axes: Any, result: SearchResult) -> None:
    members = result.members
    x = [m.point.bytes / 1024 for m in members]
    axes.errorbar(
        x,
        [m.accuracy.mean * 100 for m in members],
        [(m.accuracy.half or 0.0) * 100 for m in members],
        color=LINE,
        marker="o",
        markersize=5,
        capsize=3,
        linewidth=1.2,
        label="front, 95 % interval over folds",
    )
    tested = [(size, m.test) for size, m in zip(x, members, strict=True) if m.test is not None]
    if tested:
        axes.scatter(
            [size for size, _ in tested],
            [test * 100 for _, test in tested],
            *(36, MARK),
            marker="x",
            zorder=3,
            label="test people, one look",
        )


def _draw_anchor(axes: Any, result: SearchResult) -> None:
    full = result.anchor.accuracy
    label = f"{result.anchor.model} in float: {full.mean * 100:.1f} %"
    axes.axhline(full.mean * 100, color=INK, linewidth=1, linestyle="--", label=label)


def _label(axes: Any, result: SearchResult) -> None:
    sizes = [p.bytes / 1024 for p in result.points] or [1.0]
    axes.set_xscale("log", base=2)
    ticks = [t for t in _TICKS if min(sizes) / 2 <= t <= max(sizes) * 2]
    axes.set_xticks(ticks, [f"{t} KB" for t in ticks])
    axes.minorticks_off()
    axes.set_ylabel("accuracy on people held out, %")
    axes.grid(color="#e5e8eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _row(row: tuple[str, ...]) -> str:
    chosen = ' class="chosen"' if "★" in row[0] else ""
    return f"<tr{chosen}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
