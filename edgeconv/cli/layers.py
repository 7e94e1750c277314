"""The comparison by layer in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeconv.cli.console import Console
from edgeconv.reporting import formatting
from edgeconv.reporting import layers as shown

if TYPE_CHECKING:
    from edgeconv.core.layerwise import LayersResult


def show_layers(console: Console, results: Sequence[LayersResult]) -> None:
    """A table a file, the verdict, and what a number format cannot hold."""
    for result in results:
        name = f"Layers of {result.artifact} on {result.runtime}"
        if result.layers:
            title = f"{name}, {formatting.plural(result.n, 'window')}"
            console.table(title, shown.HEADINGS, [shown.cells(row) for row in result.layers])
        console.say(f"{result.artifact}: {shown.verdict(result)}")
        for note in shown.notes(result):
            console.say(f"  {note}")
        for warning in result.warnings:
            console.say(f"  {warning.kind.replace('_', ' ')}: {warning.text}")
            console.say(f"    {warning.advice}")
