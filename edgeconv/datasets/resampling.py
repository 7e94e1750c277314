"""Changes the sampling rate with an anti-alias filter that preserves gravity.

The low-pass is a linear-phase Kaiser FIR filter (Oppenheim & Schafer, *Discrete-Time Signal
Processing*, 7.5.3): flat to 0.8 of the lower Nyquist frequency, at least 60 dB down from 1.1 of it;
from 50 Hz to 20 Hz that is 8 Hz and 11 Hz. Gravity is a large constant, so its mean is taken out
before filtering, and the ends are continued by point reflection (as `scipy.signal.filtfilt` does)
instead of by zeros, which would ring.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PASS_EDGE, STOP_EDGE = 0.8, 1.1
DESIGN_DB = 65.0  # Kaiser's formula is an estimate: five more than what is promised
# A sensor runs at 20 Hz nominal when its clock is off by up to this much: no filter is needed.
NOMINAL_TOLERANCE = 0.03


def resample_uniform(
    values: NDArray[np.float64], source_hz: float, target_hz: float
) -> NDArray[np.float64]:
    """(n, channels) at `source_hz` as (m, channels) at `target_hz`; the first sample stays first.

    The ratio is taken as the nearest fraction with a denominator of at most 1000.
    """
    ratio = Fraction(target_hz / source_hz).limit_denominator(1000)
    if ratio == 1 or len(values) < 2:
        return values
    return _polyphase(values, ratio.numerator, ratio.denominator)


def resample_stamped(
    seconds: NDArray[np.float64], values: NDArray[np.float64], target_hz: float
) -> NDArray[np.float64]:
    """Samples with increasing time stamps (n,) as (m, channels) at `target_hz`, from the first on.

    A cubic spline puts them on a uniform grid at the lowest multiple of the target that is not
    below their median rate; that grid is then filtered and thinned out. At least 4 samples.
    """
    import numpy as np
    from scipy.interpolate import CubicSpline

    source_hz = 1.0 / float(np.median(np.diff(seconds)))
    factor = max(1, math.ceil(source_hz / target_hz - NOMINAL_TOLERANCE))
    spacing = 1.0 / (factor * target_hz)
    count = math.floor((seconds[-1] - seconds[0]) / spacing + 1e-6) + 1
    # Relative to the first stamp: nanoseconds since 1970 would use up the digits.
    grid = np.minimum(np.arange(count) * spacing, seconds[-1] - seconds[0])
    uniform: NDArray[np.float64] = CubicSpline(seconds - seconds[0], values, axis=0)(grid)
    return _polyphase(uniform, 1, factor) if factor > 1 else uniform


@cache
def _taps(longest: int) -> NDArray[np.float64]:
    """Low-pass at `longest` times the lower rate, odd length, unit gain at 0 Hz."""
    from scipy.signal import firwin, kaiserord

    # In units of the Nyquist frequency of the rate at which the filter runs.
    width = (STOP_EDGE - PASS_EDGE) / longest
    length, beta = kaiserord(DESIGN_DB, width)
    cutoff = (STOP_EDGE + PASS_EDGE) / 2 / longest
    taps: NDArray[np.float64] = firwin(length | 1, cutoff, window=("kaiser", beta))
    return taps


def _polyphase(values: NDArray[np.float64], up: int, down: int) -> NDArray[np.float64]:
    import numpy as np
    from scipy.signal import resample_poly

    taps = _taps(max(up, down))
    # Whole multiples of `down`, so that the first output falls on the first input.
    pad = down * math.ceil(len(taps) / 2 / up / down)
    mean = values.mean(axis=0)
    longer = np.pad(values - mean, ((pad, pad), (0, 0)), mode="reflect", reflect_type="odd")
    out = resample_poly(longer, up, down, axis=0, window=taps)
    first = pad * up // down
    count = (len(values) - 1) * up // down + 1
    changed: NDArray[np.float64] = out[first : first + count] + mean
    return changed
