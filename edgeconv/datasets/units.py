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
