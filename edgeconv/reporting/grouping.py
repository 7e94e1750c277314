"""Why something is missing or failed, said once for all the files that share it."""

from __future__ import annotations

from collections.abc import Sequence

from edgeconv.reporting.summary import Row


def shared_reasons(rows: Sequence[Row]) -> list[tuple[list[str], tuple[str, ...]]]:
    """(files, their reasons), files with the same reasons together."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if row.reasons:
            grouped.setdefault(row.reasons, []).append(row.name)
    return [(names, reasons) for reasons, names in grouped.items()]
