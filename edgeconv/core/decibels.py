"""Ratios of two powers in decibels, as every comparison of this package states them."""

from __future__ import annotations

import math

MAX_DB = 200.0
"""Cap of all decibel measures, so that identical outputs have a number that JSON can hold. One
float32 rounding of every output is about 150 dB: nothing that was computed lies above the cap."""


def decibels(signal: float, noise: float) -> float:
    """10 lg(signal / noise) of two powers, or sums or means of squares, within ±`MAX_DB`."""
    if noise == 0:
        return MAX_DB
    if signal == 0:
        return -MAX_DB
    return max(-MAX_DB, min(10 * (math.log10(signal) - math.log10(noise)), MAX_DB))
