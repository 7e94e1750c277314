"""The comparison by layer as people read it."""

from __future__ import annotations

from edgeconv.report.words import number
from edgeconv.types import Artifact, Bundle
from edgeconv.types.layers import BEFORE, LayerParity, LayersResult

EXACT_DB = 200.0
HEADINGS = (
    *("layer", "matched by", "max abs", "SNR dB", "alone", "limit"),
    *("model's range", "file's range", "flips"),
)
"""Of `cells`. SNR is of all error up to here; "alone" of what the layer adds by itself, which its
number format explains down to "limit"; flips are windows whose answer the error changes."""


def layers_of(bundle: Bundle, artifact: Artifact) -> tuple[LayersResult, ...]:
    """Results for exactly these bytes, one a runtime."""
    return tuple(
        result
        for result in bundle.layers
        if result.artifact == artifact.name and result.sha256 == artifact.sha256
    )


def title(row: LayerParity) -> str:
    """A layer's name, and of its value before the activation that it is that."""
    bare = row.layer.removesuffix(BEFORE)
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
    """What a table cannot say of its rows, rows with the same note together."""
    grouped: dict[str, list[str]] = {}
    for row in result.layers:
        if row.note:
            grouped.setdefault(row.note, []).append(title(row))
    return tuple(f"{', '.join(names)}: {note}" for note, names in grouped.items())


def verdict(result: LayersResult) -> str:
    """The one sentence."""
    said = {"clear": "nothing stands out", "suspect": "look here", "not_run": "not run"}
    return f"{said[result.outcome]}: {result.text}"
