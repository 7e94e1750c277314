"""Converts a sensor's readings to the canonical signal: m/s², Android's sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeconv.core import STANDARD_GRAVITY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNIT_FACTORS = {"m/s^2": 1.0, "g": STANDARD_GRAVITY}
SIGN_FACTORS = {"android": 1.0, "ios": -1.0}


def to_canonical(values: NDArray[np.float64], unit: str, sign: str) -> NDArray[np.float64]:
    """(n, 3) readings in `unit` (m/s^2 or g) and `sign` (android or ios) as m/s², Android's sign.

    For Core Motion (g, ios) the factor is −9.80665: at rest, screen up, iOS reports z = −1 and
    Android z = +9.81.
    """
    return values * (UNIT_FACTORS[unit] * SIGN_FACTORS[sign])


def gravity_note(mean_magnitude: float) -> str:
    """A warning if the mean length of the acceleration vector is not near 9.81 m/s², else empty.

    The bounds are wide, as a jogger's mean lies near 14 and a sensor's offset is up to 0.5 m/s²;
    a wrong unit (factor 9.8) or missing gravity falls far outside.
    """
    if 8.0 <= mean_magnitude <= 16.0:
        return ""
    size = f"mean magnitude is {mean_magnitude:.2f} m/s², where gravity alone gives 9.81"
    if 0.8 <= mean_magnitude <= 1.7:
        return f"{size}: this looks like g, not m/s² (set unit)"
    if mean_magnitude < 5.0:
        return f"{size}: gravity seems to be missing (user acceleration is another signal)"
    if 80.0 <= mean_magnitude <= 160.0:
        return f"{size}: this looks like m/s² treated as g (set unit)"
    return f"{size}: check the unit"
