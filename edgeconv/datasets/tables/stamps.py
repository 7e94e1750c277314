"""What time stamps count: their unit, by rate and epoch; rows; and where they start again.

A counter of rows says nothing of time and is refused. A time of day that passes midnight, or a
counter that is full, starts again, and the recording goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgeconv.datasets.tables.clock import SHUFFLED, ClockNotes
from edgeconv.datasets.tables.schema import TICKS
from edgeconv.datasets.windowing import GAP_INTERVALS
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FASTEST_HZ, SLOWEST_HZ = 1000.0, 1.0  # of a phone or watch; a wrong unit is off by 60 or more
FASTEST_DECLARED_HZ = 8000.0  # of other sensors, if the unit is declared
LIKELY_HZ = (5.0, 500.0)
# Unit, and the numbers from 2000 to 2070: since 1970, of Windows, of .NET, of spreadsheets, MATLAB.
_EPOCHS = (
    *(("s", 9.4e8, 3.2e9), ("ms", 9.4e11, 3.2e12), ("us", 9.4e14, 3.2e15), ("ns", 9.4e17, 3.2e18)),
    *(("100ns", 1.25e17, 1.5e17), ("100ns", 6.3e17, 6.55e17)),
    *(("d", 36500.0, 62000.0), ("d", 730000.0, 757000.0)),
)


def check_rate(seconds: Floats, where: str, toml: str, unit: str, ticks: Floats) -> None:
    """Refuse stamps whose unit cannot be.

    Args:
        seconds: (n,) time stamps.
        where: names the rows in the message.
        toml: the name of the TOML.
        unit: that is declared; empty where seconds are assumed.
        ticks: (n,) the stamps as they stand in the table.

    Raises:
        BadInput: the cure is a line for the TOML.
    """
    import numpy as np

    steps = np.diff(seconds)
    if (steps < 0).mean() > SHUFFLED if len(steps) else False:
        steps = np.diff(np.sort(seconds))
    steps = np.abs(steps[steps != 0])
    if not len(steps):
        return
    median = float(np.median(steps))
    # the mean step tells the rate where many rows share a stamp
    rate = (len(seconds) - 1) / float(steps.sum()) if (steps == median).mean() < 0.5 else 1 / median
    fastest = FASTEST_DECLARED_HZ if unit else FASTEST_HZ
    if SLOWEST_HZ <= rate <= fastest or SLOWEST_HZ <= 1 / median <= fastest:
        return
    likely = likely_units(ticks)
    choices = " or ".join(f'timestamp_unit = "{name}" ({hertz:.4g} Hz)' for name, hertz in likely)
    raise BadInput(
        f"{where}: the time stamps mean {1 / median:.3g} samples a second"
        + (f" if they are in {unit}" if unit else ""),
        f"write into {toml}: {choices}"
        if choices
        else f"no unit fits them ({', '.join(TICKS)}); write the sampling rate into {toml} "
        "instead: rate_hz = …",
    )


def likely_units(ticks: Floats) -> list[tuple[str, float]]:
    """The units in which time stamps have a rate that phones and watches have, with that rate.

    A stamp that counts from a known epoch to our days tells its unit alone.
    """
    import numpy as np

    ordered = np.sort(ticks)
    steps = np.diff(ordered)
    steps = steps[steps > 0]
    if not len(steps):
        return []
    known = next((unit for unit, low, high in _EPOCHS if low <= ordered[0] < high), "")
    mean = float(ordered[-1] - ordered[0]) / max(1, len(ordered) - 1)
    likely = [
        [(unit, hertz) for unit, s in TICKS.items() if is_likely(hertz := 1 / (step * s))]
        for step in (float(np.median(steps)), mean)
    ]
    sure = [pair for pairs in likely for pair in pairs if pair[0] == known]
    return sure[:1] or likely[0] or likely[1]


def is_likely(hertz: float) -> bool:
    """Whether a phone or watch may sample at this rate."""
    return LIKELY_HZ[0] <= hertz <= LIKELY_HZ[1]


def unwrapped(stamps: Floats, periods: Mapping[str, float], notes: ClockNotes) -> Floats:
    """Stamps that go on where the clock started again: at midnight, or when a counter is full.

    A step back is one of these only if the next stamp, later by the period, is where it belongs.

    Args:
        stamps: (n,) in the order of the file.
        periods: in words → after how much the clock starts again, in the unit of the stamps.
        notes: gets the number of places.
    """
    import numpy as np

    steps = np.diff(stamps)
    forward = steps[steps > 0]
    if len(forward) <= 0.5 * len(steps) or len(forward) == len(steps):
        return stamps
    largest = GAP_INTERVALS * float(np.median(forward))
    later = np.zeros(len(stamps))
    for place in np.flatnonzero(steps < 0).tolist():
        for words, period in periods.items():
            if 0 < steps[place] + period <= largest:
                later[place + 1] = period
                notes.starts_again[words] += 1
                break
    return np.asarray(stamps + np.cumsum(later))


def counts_rows(seconds: Floats) -> bool:
    """Whether the stamps are whole numbers that go up by exactly 1 with every row."""
    import numpy as np

    if len(seconds) < 4:
        return False
    steps = np.diff(seconds)
    return bool((steps == 1).mean() > 0.99 and (seconds == np.rint(seconds)).all())
