"""What may have been done to a sensor's readings, each with the step that would undo it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from edgeconv.core import STANDARD_GRAVITY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.parity.drift.input_profile import InputProfile

    Floats = NDArray[np.float64]

AXIS_MAJOR = "axis-major layout"
RATES = (10.0, 20.0, 50.0, 100.0, 200.0)  # Hz that phones and data sets really have
_TURNED = ", or the phone was carried turned that way"


@dataclass(frozen=True)
class Mistake:
    """A way to get readings wrong. `undo` takes and gives windows (n, steps, 3).

    `turned` marks those that a phone in another position looks much like.
    """

    kind: str
    sentence: str
    undo: Callable[[Floats], Floats]
    turned: bool = False


def mistakes(profile: InputProfile) -> tuple[Mistake, ...]:
    """All that leave every reading in place, so that undoing them shows whether they were made."""
    return (
        *_units(),
        Mistake(
            "flipped sign",
            "every axis points the other way: the sign is flipped (Android's against iOS's)"
            + _TURNED,
            lambda windows: -windows,
            turned=True,
        ),
        Mistake(
            "normalized twice",
            "the readings are normalized already, and the file would do it once more: hand in raw "
            "m/s²",
            lambda windows: _denormalized(windows, profile),
        ),
        Mistake(
            AXIS_MAJOR,
            "the windows lie axis by axis (x0 x1 … y0 y1 …) where time steps belong (x0 y0 z0 x1 "
            "…): transpose them",
            _time_major,
        ),
        *_swaps(),
    )


def _units() -> tuple[Mistake, ...]:
    g, iphone, twice = (
        "the readings are in g where m/s² belong: multiply by 9.80665",
        "the readings are in g with iOS's sign where m/s² with Android's belong: multiply by "
        "−9.80665",
        "the readings are 9.8 times too large: m/s² were taken for g and converted",
    )
    return (
        Mistake("g instead of m/s²", g, lambda windows: windows * STANDARD_GRAVITY),
        Mistake("g with iOS's sign", iphone, lambda windows: windows * -STANDARD_GRAVITY),
        Mistake("m/s² taken for g", twice, lambda windows: windows / STANDARD_GRAVITY),
        Mistake("m/s² taken for g, flipped", twice, lambda windows: windows / -STANDARD_GRAVITY),
    )


def _swaps() -> tuple[Mistake, ...]:
    found = []
    for order in permutations(range(3)):
        if order == (0, 1, 2):
            continue
        # Reading i of the file is the sensor's axis `order.index(i)`.
        given = " ".join("xyz"[order.index(i)] for i in range(3))
        found.append(
            Mistake(
                f"axes {given}",
                f"the axes are swapped: {given} where x y z belong{_TURNED}",
                lambda windows, order=order: windows[:, :, list(order)],  # type: ignore[misc]
                turned=True,
            )
        )
    return tuple(found)


def _denormalized(windows: Floats, profile: InputProfile) -> Floats:
    import numpy as np

    return np.asarray(windows * np.array(profile.std) + np.array(profile.mean))


def _time_major(windows: Floats) -> Floats:
    return windows.reshape(len(windows), windows.shape[2], -1).transpose(0, 2, 1)
