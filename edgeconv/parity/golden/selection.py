"""Select a few windows that still show what can be wrong with a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

LEAST = 12  # windows, where the data have that many
LOW_MARGINS = 4
_CLIPPED = 2  # samples at a channel's rail that make a window a clipped one


def select_windows(
    windows: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    probabilities: NDArray[np.floating[Any]],
    channels: Sequence[str],
    label_names: Sequence[str],
) -> tuple[NDArray[np.int64], tuple[tuple[str, ...], ...]]:
    """Positions of the selected windows, in order, and why each was selected.

    For each class its most ordinary window (median margin); the windows with the lowest margins of
    the float model, where rounding shows first; the most clipped one; those with the least and the
    most movement; each channel's lowest and highest reading; then evenly spaced ones up to `LEAST`.
    The same data give the same selection.

    Args:
        windows: canonical (n, window·channels), m/s².
        probabilities: the float model's, (n, classes).
    """
    import numpy as np

    why: dict[int, list[str]] = {}
    steps = windows.reshape(len(windows), -1, len(channels))
    margins = margin(probabilities)
    reasons = (
        *_ordinary(labels, margins, label_names),
        *_unsure(margins),
        *_clipped(steps),
        *_movement(steps),
        *_extremes(steps, channels),
    )
    for position, reason in reasons:
        why.setdefault(position, []).append(reason)
    for position in np.linspace(0, len(windows) - 1, LEAST * 2).round().astype(int).tolist():
        if len(why) >= LEAST:
            break
        why.setdefault(position, ["evenly spaced"])
    positions = sorted(why)
    return np.array(positions, np.int64), tuple(tuple(why[p]) for p in positions)


def margin(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """(n,) distance between the two largest probabilities of each window."""
    import numpy as np

    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    top = np.sort(probabilities.astype(np.float64), axis=1)
    return np.asarray(top[:, -1] - top[:, -2])


def _ordinary(
    labels: NDArray[np.integer[Any]], margins: NDArray[np.float64], label_names: Sequence[str]
) -> Iterator[tuple[int, str]]:
    import numpy as np

    for number, name in enumerate(label_names):
        members = np.flatnonzero(labels == number)
        if len(members):
            ranked = members[np.argsort(margins[members], kind="stable")]
            yield int(ranked[len(ranked) // 2]), f"ordinary {name}"


def _unsure(margins: NDArray[np.float64]) -> Iterator[tuple[int, str]]:
    import numpy as np

    for position in np.argsort(margins, kind="stable")[:LOW_MARGINS]:
        yield int(position), f"margin of only {margins[position]:.3f}"


def _clipped(steps: NDArray[np.float32]) -> Iterator[tuple[int, str]]:
    """The window with the most readings at the end of a channel's range, if it looks clipped."""
    lowest, highest = steps.min(axis=(0, 1)), steps.max(axis=(0, 1))
    at_rail = ((steps == lowest) | (steps == highest)).sum(axis=(1, 2))
    if at_rail.max() >= _CLIPPED:
        yield int(at_rail.argmax()), f"{int(at_rail.max())} readings at the end of the range"


def _movement(steps: NDArray[np.float32]) -> Iterator[tuple[int, str]]:
    spread = steps.astype("float64").std(axis=1).max(axis=1)
    yield int(spread.argmin()), "stillest"
    yield int(spread.argmax()), "liveliest"


def _extremes(steps: NDArray[np.float32], channels: Sequence[str]) -> Iterator[tuple[int, str]]:
    for i, channel in enumerate(channels):
        yield int(steps[:, :, i].min(axis=1).argmin()), f"lowest {channel}"
        yield int(steps[:, :, i].max(axis=1).argmax()), f"highest {channel}"
