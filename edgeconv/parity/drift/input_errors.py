"""Errors that are made with a sensor's readings, each with the operation that inverts it."""

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
_ROTATED = ", or the phone was carried turned that way"


@dataclass(frozen=True)
class InputError:
    """One way to get readings wrong.

    Attributes:
        invert: windows (n, steps, 3) → the windows before the error was made.
        like_rotation: a phone carried in another position looks much the same.
    """

    kind: str
    sentence: str
    invert: Callable[[Floats], Floats]
    like_rotation: bool = False


def input_errors(profile: InputProfile) -> tuple[InputError, ...]:
    """All errors that can be inverted, which shows whether they were made."""
    return (
        *_units(),
        InputError(
            "flipped sign",
            "every axis points the other way: the sign is flipped (Android's against iOS's)"
            + _ROTATED,
            lambda windows: -windows,
            like_rotation=True,
        ),
        InputError(
            "normalized twice",
            "the readings are normalized already, and the file would normalize them again: pass "
            "raw m/s²",
            lambda windows: _denormalized(windows, profile),
        ),
        InputError(
            AXIS_MAJOR,
            "the windows are stored by axis (x0 x1 … y0 y1 …) instead of by time step (x0 y0 z0 x1 "
            "…): transpose them",
            _time_major,
        ),
        *_swaps(),
    )


def _units() -> tuple[InputError, ...]:
    g, iphone, twice = (
        "the readings are in g instead of m/s²: multiply by 9.80665",
        "the readings are in g with iOS's sign instead of m/s² with Android's: multiply by "
        "−9.80665",
        "the readings are 9.8 times too large: m/s² were taken for g and converted",
    )
    return (
        InputError("g instead of m/s²", g, lambda windows: windows * STANDARD_GRAVITY),
        InputError("g with iOS's sign", iphone, lambda windows: windows * -STANDARD_GRAVITY),
        InputError("m/s² taken for g", twice, lambda windows: windows / STANDARD_GRAVITY),
        InputError("m/s² taken for g, flipped", twice, lambda windows: windows / -STANDARD_GRAVITY),
    )


def _swaps() -> tuple[InputError, ...]:
    errors = []
    for order in permutations(range(3)):
        if order == (0, 1, 2):
            continue
        # Reading i of the file is the sensor's axis `order.index(i)`.
        given = " ".join("xyz"[order.index(i)] for i in range(3))
        errors.append(
            InputError(
                f"axes {given}",
                f"the axes are swapped: {given} instead of x y z{_ROTATED}",
                lambda windows, order=order: windows[:, :, list(order)],  # type: ignore[misc]
                like_rotation=True,
            )
        )
    return tuple(errors)


def _denormalized(windows: Floats, profile: InputProfile) -> Floats:
    import numpy as np

    return np.asarray(windows * np.array(profile.std) + np.array(profile.mean))


def _time_major(windows: Floats) -> Floats:
    return windows.reshape(len(windows), windows.shape[2], -1).transpose(0, 2, 1)
