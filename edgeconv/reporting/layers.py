"""The layer-by-layer comparison as tables, charts and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core import Artifact, Bundle
from edgeconv.core.layerwise import PRE_ACTIVATION_SUFFIX, LayerParity, LayersResult
from edgeconv.reporting import charts
from edgeconv.reporting.formatting import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXACT_DB = 200.0
HEADINGS = (
    *("layer", "matched by", "max abs", "SNR dB", "own SNR dB", "limit"),
    *("model's range", "file's range", "disagreements"),
)
"""Of `cells`. SNR is of all error accumulated up to here; own SNR of the error that the layer
itself adds, which its number format explains down to "limit"; disagreements are windows that the
error makes the model classify differently."""


def layers_of(bundle: Bundle, artifact: Artifact) -> tuple[LayersResult, ...]:
    """Results for exactly these bytes, one a runtime."""
    return tuple(
        result
        for result in bundle.layers
        if result.artifact == artifact.name and result.sha256 == artifact.sha256
    )


def title(row: LayerParity) -> str:
    """A layer's name; `(linear)` marks its value before the activation."""
    bare = row.layer.removesuffix(PRE_ACTIVATION_SUFFIX)
    return bare if bare == row.layer else f"{bare} (linear)"


def cells(row: LayerParity) -> tuple[str, ...]:
    """A row in words, in the order of HEADINGS; what was not compared has no figures."""
    metrics = row.metrics
    if not metrics:
        return (title(row), str(row.presence), *[""] * (len(HEADINGS) - 2))
    return (
        title(row),
        " + ".join(row.matched_by),
        short(metrics["max_abs"]),
        decibels(metrics["snr_db"]),
        decibels(metrics["own_snr_db"]),
        decibels(metrics.get("own_limit_db")),
        span(row.reference_range),
        span(row.range),
        number(metrics["output_flips"]),
    )


def decibels(value: float | None) -> str:
    """To a tenth; the cap of 200 means that nothing differs."""
    if value is None:
        return "–"
    return "exact" if value >= EXACT_DB else f"{value:.1f}".replace("-", "−")


def short(value: float | None) -> str:
    """Two significant digits, small numbers as `3.6e−7`."""
    return "–" if value is None else f"{value:.2g}".replace("e-0", "e-").replace("-", "−")


def span(values: tuple[float, float] | None) -> str:
    """A range as `−1.2 … 3.4`."""
    if values is None:
        return "–"
    return " … ".join(f"{value:.3g}".replace("-", "−") for value in values)


def notes(result: LayersResult) -> tuple[str, ...]:
    """Notes on rows, rows with the same note together."""
    grouped: dict[str, list[str]] = {}
    for row in result.layers:
        if row.note:
            grouped.setdefault(row.note, []).append(title(row))
    return tuple(f"{', '.join(names)}: {note}" for note, names in grouped.items())


def verdict(result: LayersResult) -> str:
    """The one sentence."""
    titles = {"clear": "no layer is suspect", "suspect": "suspect", "not_run": "not run"}
    return f"{titles[result.outcome]}: {result.text}"


@dataclass(frozen=True)
class Section:
    """One file's part of the report: the result, its picture, and its rows in words."""

    result: LayersResult
    figure: str
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def sections(bundle: Bundle) -> list[Section]:
    """One for each result that was measured on a file as it is now."""
    results = [r for a in bundle.artifacts for r in layers_of(bundle, a)]
    return [
        Section(
            result,
            chart(result, f"layers-{i}") if result.layers else "",
            tuple(cells(row) for row in result.layers if row.metrics),
            notes(result),
        )
        for i, result in enumerate(results)
    ]


def chart(result: LayersResult, name: str) -> str:
    """Error by layer, from the input at the top to the output.

    A line for all that has accumulated, dots for what each layer itself adds, strokes for what its
    number format explains.
    """
    rows = [row for row in result.layers if row.metrics]
    tall = 0.3 + 0.24 * len(rows)
    suspect = [_beyond(row, result.suspects) for row in rows]

    def draw(axes: Axes) -> None:
        places = list(range(len(rows)))
        axes.plot(_levels(rows, "snr_db"), places, color=charts.ONE, lw=1.6, label="accumulated")
        own = _levels(rows, "own_snr_db")
        for bad, colour, label in (
            (False, charts.TWO, "own"),
            (True, charts.BAD, "suspect"),
        ):
            shown = [(x, y) for x, y, s in zip(own, places, suspect, strict=True) if s is bad]
            if shown:
                axes.plot(*zip(*shown, strict=True), "o", ms=5, color=colour, label=label)
        limits = _levels(rows, "own_limit_db")
        axes.plot(limits, places, "|", ms=11, mew=1.4, color=charts.INK, label="limit")
        axes.set_yticks(places, [title(row).replace("$", r"\$") for row in rows])
        axes.invert_yaxis()
        axes.set_xlim(_LEAST_DB, _MOST_DB + 4)
        axes.set_xlabel("dB; right is better")
        axes.grid(visible=True, axis="x")
        axes.legend(loc="upper center", bbox_to_anchor=(0.35, -0.6 / tall), ncols=2)

    levels = "; ".join(
        f"{title(row)} {decibels(row.metrics['snr_db'])}, own {decibels(row.metrics['own_snr_db'])}"
        for row in rows
    )
    description = f"Error by layer of {result.artifact}, dB: {levels}."
    return charts.svg(draw, (charts.WIDE, tall + 1.5), name, description)


def _beyond(row: LayerParity, suspects: Sequence[str]) -> bool:
    """Whether this row is why a layer is suspect."""
    own, limit = row.metrics["own_snr_db"], row.metrics.get("own_limit_db")
    concerned = {row.layer.removesuffix(PRE_ACTIVATION_SUFFIX), *row.covers} & set(suspects)
    return bool(concerned) and limit is not None and (own is None or own < limit)


_LEAST_DB, _MOST_DB = -10.0, 160.0


def _levels(rows: Sequence[LayerParity], key: str) -> list[float]:
    """Positions on the axis: exact values at its right end, missing ones at its left."""
    values = [row.metrics.get(key) for row in rows]
    return [_LEAST_DB if v is None else min(max(v, _LEAST_DB), _MOST_DB) for v in values]
