"""Changes the sampling rate with an anti-alias filter that preserves gravity.

The low-pass is a linear-phase Kaiser FIR filter (Oppenheim & Schafer, *Discrete-Time Signal
Processing*, 7.5.3): flat to 0.8 of the lower Nyquist frequency, at least 60 dB down from 1.1 of it;
from 50 Hz to 20 Hz that is 8 Hz and 11 Hz. Gravity is a large constant, so its mean is taken out
before filtering, and the ends are continued by point reflection (as `scipy.signal.filtfilt` does)
instead of by zeros, which would ring.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
ROWS_AT_ONCE = 1 << 16
SPLINE_REACH = 100  # rows: what happens there changes a spline by less than a float64 can tell


def resample_uniform(
    values: NDArray[np.float64], source_hz: float, target_hz: float
) -> NDArray[np.float64]:
    """(n, channels) at `source_hz` as (m, channels) at `target_hz`; the first sample stays first.

    The ratio is taken as the nearest fraction with a denominator of at most 1000.
    """
    ratio = Fraction(target_hz / source_hz).limit_denominator(1000)
    if ratio == 1 or len(values) < 2:
        return values
    mean = values.mean(axis=0)
    return _in_blocks(lambda first, last: values[first:last], len(values), mean, ratio)


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
    # Relative to the first stamp: nanoseconds since 1970 would use up the digits.
    start, duration = seconds[0], seconds[-1] - seconds[0]
    count = math.floor(duration / spacing + 1e-6) + 1

    def uniform(first: int, last: int) -> NDArray[np.float64]:
        grid = np.minimum(np.arange(first, last) * spacing, duration)
        edges = np.searchsorted(seconds, grid[[0, -1]] + start)
        rows = slice(max(0, edges[0] - SPLINE_REACH), edges[1] + SPLINE_REACH)
        if last - first == count:
            rows = slice(None)
        spline = CubicSpline(seconds[rows] - start, values[rows], axis=0)
        return np.asarray(spline(grid))

    return _in_blocks(uniform, count, values.mean(axis=0), Fraction(1, factor))


def _in_blocks(
    read: Callable[[int, int], NDArray[np.float64]],
    length: int,
    mean: NDArray[np.float64],
    ratio: Fraction,
) -> NDArray[np.float64]:
    """The rows that `read(first, last)` gives, filtered; a long recording needs little memory.

    A block is read with what the filter sees beyond its edges, so that they do not show.
    """
    import numpy as np

    up, down = ratio.numerator, ratio.denominator
    if length <= ROWS_AT_ONCE:
        whole = read(0, length)
        return _polyphase(whole, whole.mean(axis=0), up, down)
    margin = _reach(up, down)
    step = ROWS_AT_ONCE // down * down
    parts = []
    for first in range(0, length, step):
        last = min(first + step, length)
        begin = max(0, first - margin)
        out = _polyphase(read(begin, min(length, last + margin)), mean, up, down)
        skipped = (first - begin) * up // down
        stop = skipped + step * up // down if last < length else None
        parts.append(out[skipped:stop])
    return np.concatenate(parts)


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


def _reach(up: int, down: int) -> int:
    """How many rows the filter sees on each side: a multiple of `down`, so that the first output
    falls on the first input."""
    return down * math.ceil(len(_taps(max(up, down))) / 2 / up / down) if up != down else 0


def _polyphase(
    values: NDArray[np.float64], mean: NDArray[np.float64], up: int, down: int
) -> NDArray[np.float64]:
    import numpy as np
    from scipy.signal import resample_poly

    if up == down:
        return values
    taps, pad = _taps(max(up, down)), _reach(up, down)
    longer = np.pad(values - mean, ((pad, pad), (0, 0)), mode="reflect", reflect_type="odd")
    out = resample_poly(longer, up, down, axis=0, window=taps)
    first = pad * up // down
    count = (len(values) - 1) * up // down + 1
    changed: NDArray[np.float64] = out[first : first + count] + mean
    return changed
