"""Sensor readings of single windows as small drawings, as SVG."""

from __future__ import annotations

from collections.abc import Sequence

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
