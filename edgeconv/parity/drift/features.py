"""Features of the windows of one subject and class, by which recordings are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NAMES = (
    *("mean x", "mean y", "mean z"),
    *("log deviation x", "log deviation y", "log deviation z"),
    *("correlation xy", "correlation xz", "correlation yz"),
    *("skewness x", "skewness y", "skewness z"),
    *("log gravity", "log centroid"),
)
"""Of `features`, in order; a mean and a deviation in m/s², the centroid in Hz."""

TINY = 1e-6  # m/s²: keeps a logarithm of a perfectly still channel finite
_ZOOM = 4  # zero padding of the step spectrum: bins of 1/16 Hz in a window of 4 s
_SLOWEST_STEP_HZ = 0.4


def features(windows: Floats, rate_hz: float) -> Floats:
    """`NAMES` of canonical windows (n, steps, 3), n ≥ 1, all of one subject and class.

    Mean of each axis; deviation, correlations and skewness of each window minus its
    mean; `log gravity` of the median length of a window's mean; `log centroid` of the mean
    frequency of the power spectrum of all axes.
    """
    import numpy as np

    means = windows.mean(axis=1)
    moving = windows - means[:, None]
    covariance = np.einsum("nti,ntj->ij", moving, moving) / moving[..., 0].size
    deviation = np.sqrt(np.diag(covariance)) + TINY
    correlation = covariance / np.outer(deviation, deviation)
    power = (np.abs(np.fft.rfft(moving, axis=1)) ** 2).sum(axis=(0, 2)) + TINY
    hertz = np.fft.rfftfreq(windows.shape[1], 1 / rate_hz)
    return np.concatenate(
        [
            means.mean(axis=0),
            np.log(deviation),
            correlation[[0, 0, 1], [1, 2, 2]],
            (moving**3).mean(axis=(0, 1)) / deviation**3,
            [np.log(gravity(windows) + TINY), np.log((power * hertz).sum() / power.sum() + TINY)],
        ]
    )


def gravity(windows: Floats) -> float:
    """Median length of a window's mean: 9.8 if the readings are in m/s² and include gravity."""
    import numpy as np

    return float(np.median(np.linalg.norm(windows.mean(axis=1), axis=1)))


def step_hz(windows: Floats, rate_hz: float) -> float:
    """The strongest frequency of the acceleration's length: the rate of steps.

    The length does not depend on how the phone lies, nor on sign or unit.
    """
    import numpy as np

    length = np.linalg.norm(windows, axis=2)
    length -= length.mean(axis=1, keepdims=True)
    size = _ZOOM * windows.shape[1]
    power = (np.abs(np.fft.rfft(length * np.hanning(windows.shape[1]), size)) ** 2).sum(axis=0)
    hertz = np.fft.rfftfreq(size, 1 / rate_hz)
    power[hertz < _SLOWEST_STEP_HZ] = 0
    return float(hertz[int(power.argmax())])
