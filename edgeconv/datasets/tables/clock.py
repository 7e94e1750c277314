"""From the time stamps of one group of rows to recordings whose samples are evenly in time.

What a clock can do, and what is made of it:

- *restart*: the stamps fall back and run over the same time again. Each run is a recording.
- *other order*: rows stand newest first, or were sorted as text. They are sorted by time.
- *packets*: several rows share a stamp, because a radio delivers them together or the clock is
  coarse, or stamps of arrival come in bursts. The samples were taken evenly, so they are spread
  evenly over the time between the first and the last stamp; no sample is dropped.
- *another rate*: the sensor went on faster or slower. Each stretch is a recording, so that each is
  filtered for its own rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from edgeconv.datasets.windowing import GAP_INTERVALS
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

UNUSUAL_HZ = 450.0
SHUFFLED = 0.3  # share of backward steps from which on the rows are in no order of time
SHARED = 0.2
"""Share of rows with the stamp of the row before, from which on stamps are those of packets: a
recording with single doubled rows stays far below."""
BURST = 0.2
"""A step below this part of the mean step is one inside a burst of rows that arrived together."""
BURSTS = 0.3  # share of such steps from which on the stamps are those of arrival
EVEN, MOSTLY = 0.25, 0.8  # steps this near to their median, in this share of rows, are even
STRETCH = 50  # steps from whose median a rate is told
RATE_CHANGE = 1.6  # factor between the medians of neighboring stretches
SPARSE, SPARSE_SHARE = 1.9, 0.05  # steps of the model, and the share of time that is noted
DEVICES, ALIKE = 4, 4.0  # devices whose rows may alternate, and how much more alike their own are
ROWS_AT_ONCE = 1 << 20  # of which readings are compared
PACKET_PAUSE = 3.0  # packets' own intervals; a longer pause separates recordings


@dataclass
class ClockNotes:
    """What was done to the time stamps of the groups of a table, counted in rows.

    `rate_hz` is the model's.
    """

    rate_hz: float = 20.0
    sorted_rows: int = 0
    spread_rows: int = 0
    rate_changes: int = 0
    sparse_seconds: float = 0.0
    seconds: float = 0.0
    rates: list[float] = field(default_factory=list)
    per_stamp: list[float] = field(default_factory=list)
    starts_again: Counter[str] = field(default_factory=Counter)
    fastest_hz: float = 0.0

    def sentences(self) -> list[str]:
        """For the load report."""
        notes = []
        if self.sorted_rows:
            notes.append(f"{self.sorted_rows} rows were not in the order of time and were sorted")
        if self.spread_rows:
            rate = sum(self.rates) / len(self.rates)
            shared = sum(self.per_stamp) / len(self.per_stamp)
            notes.append(
                f"{self.spread_rows} rows share their time stamps (about {shared:.0f} rows each: "
                f"packets or a coarse clock); they were spread evenly, {rate:.1f} samples a "
                "second; if that is wrong, remove the time stamps and set rate_hz"
            )
        if self.rate_changes:
            notes.append(
                f"recordings are cut where their sampling rate changes ({self.rate_changes} in all)"
            )
        if self.sparse_seconds > SPARSE_SHARE * self.seconds:
            notes.append(
                f"in {self.sparse_seconds / self.seconds:.0%} of the time, samples are further "
                "apart than the model's rate needs (lost samples, or a slow sensor): what lies "
                "between them is interpolated"
            )
        for words, count in self.starts_again.items():
            notes.append(
                f"the clock starts again {words}: recordings go on over it ({count} times)"
            )
        if self.fastest_hz > UNUSUAL_HZ:
            notes.append(
                f"the time stamps mean up to {self.fastest_hz:.4g} samples a second: if the sensor "
                "is slower, correct timestamp_unit in the TOML (min for minutes, us, ns …)"
            )
        return notes

    def measure(self, times: Floats) -> None:
        """Count the time of a recording, and the part of it in which samples are too far apart.

        Args:
            times: (n,) seconds, in their order.
        """
        import numpy as np

        steps = np.diff(times)
        steps = steps[steps <= GAP_INTERVALS * np.median(steps)]  # longer ones end a recording
        self.seconds += float(steps.sum())
        self.fastest_hz = max(self.fastest_hz, 1 / float(np.median(steps)))
        self.sparse_seconds += float(steps[steps > SPARSE / self.rate_hz].sum())


def recordings(
    seconds: Floats, values: Floats, notes: ClockNotes, dropped: Counter[str]
) -> Iterator[tuple[Floats, Floats]]:
    """Rows of one group in the file's order as (seconds, values) of single recordings.

    Args:
        seconds: (n,) time stamps, in any order.
        values: (n, channels).
    """
    import numpy as np

    for rows in _in_order(seconds, notes):
        times, readings = seconds[rows], values[rows]
        steps = np.diff(times)
        if len(times) < 4 or not (steps > 0).any():
            reason = "time stamps do not increase" if len(times) >= 4 else "single rows"
            dropped[reason] += len(times)
        elif (steps == 0).mean() > SHARED or _comes_in_bursts(steps):
            yield from _spread(times, readings, notes, dropped)
        else:
            stretches = _stretches(times)
            notes.rate_changes += len(stretches) - 1
            for part in stretches:
                notes.measure(times[part])
                yield times[part], readings[part]


def _stretches(times: Floats) -> list[slice]:
    """The parts of a recording that each have one rate; what is uneven belongs to its neighbors."""
    import numpy as np

    steps = np.diff(times)
    count = len(steps) // STRETCH
    if count < 2:
        return [slice(None)]
    blocks = steps[: count * STRETCH].reshape(count, STRETCH)
    medians = np.median(blocks, axis=1)
    near = np.abs(blocks - medians[:, None]) < EVEN * medians[:, None]
    even = np.flatnonzero((near.mean(axis=1) > MOSTLY) & (medians > 0))
    edges = [0]
    for one, other in pairwise(even.tolist()):
        ratio = medians[other] / medians[one]
        if other - one <= 2 and not 1 / RATE_CHANGE < ratio < RATE_CHANGE:
            first = one * STRETCH
            slower = steps[first : (other + 1) * STRETCH] > np.sqrt(medians[one] * medians[other])
            old = ~slower if ratio > 1 else slower
            edges.append(first + 1 + int(np.argmax(np.cumsum(np.where(old, 1, -1)))))
    return [slice(a, b) for a, b in pairwise([*edges, len(times)])]


def refuse_interleaved(values: Floats, where: str, toml: str) -> None:
    """Refuse readings in the order of time of which every second (third …) one resembles the next.

    Raises:
        BadInput: rows of two or more sensors alternate.
    """
    import numpy as np

    if len(values) > ROWS_AT_ONCE:
        for first in range(0, len(values), ROWS_AT_ONCE):
            refuse_interleaved(values[first : first + ROWS_AT_ONCE], where, toml)
        return
    if len(values) < 20:
        return
    steps = [
        float(np.median(np.abs(values[lag:] - values[:-lag]).sum(axis=1)))
        for lag in range(1, DEVICES + 1)
    ]
    if steps[0] > 1.0 and steps[0] > ALIKE * min(steps[1:]):
        devices = steps.index(min(steps)) + 1
        raise BadInput(
            f"{where}: neighboring rows differ, and every {devices}. one is alike: rows of "
            "several sensors or devices alternate",
            f'name the column that tells them apart in {toml}: [columns] device = "…", or take '
            'one of them: [keep]; if the data are right, allow = ["D204"]',
        )


def _in_order(seconds: Floats, notes: ClockNotes) -> Iterator[NDArray[np.int64] | slice]:
    """Rows of each run of the clock, by time."""
    import numpy as np

    back = np.flatnonzero(np.diff(seconds) < 0)
    if not len(back):
        yield slice(None)
        return
    rows = np.arange(len(seconds))
    order = np.argsort(seconds, kind="stable")
    if _sorting_heals(seconds, order):
        notes.sorted_rows += int((order != rows).sum())
        yield order
        return
    edges = [0, *(back + 1).tolist(), len(seconds)]
    pieces = [rows[a:b] for a, b in pairwise(edges)]
    yield from _joined(seconds, pieces)


def _sorting_heals(seconds: Floats, order: NDArray[np.int64]) -> bool:
    """Whether the rows, sorted by time, are one recording.

    They are not where the clock ran over the same time twice: then stamps come twice that were not
    twice before, or the sorted steps are much shorter than the even steps of the file's own order.
    """
    import numpy as np

    steps, own = np.diff(seconds[order]), np.diff(seconds)
    if (steps == 0).sum() > (own == 0).sum():
        return False
    usual = float(np.median(np.abs(own)))
    near = 0.6 * usual
    if (steps < near).sum() > (np.abs(own) < near).sum() and (own > 0).mean() > 1 - SHUFFLED:
        return False
    even = (np.abs(np.abs(own) - usual) < EVEN * usual).mean() > MOSTLY
    return not (even and np.median(steps) < (1 - EVEN) * usual)


def _joined(seconds: Floats, pieces: list[NDArray[np.int64]]) -> Iterator[NDArray[np.int64]]:
    """Pieces between backward steps; a small step back (a late row) does not end a recording."""
    import numpy as np

    forward = np.diff(seconds)
    gap = GAP_INTERVALS * float(np.median(forward[forward > 0])) if (forward > 0).any() else 0.0
    current = pieces[0]
    for piece in pieces[1:]:
        back = seconds[current[-1]] - seconds[piece[0]]
        if back <= gap and _is_late(seconds[current], seconds[piece], gap / GAP_INTERVALS):
            current = np.concatenate([current, piece])
            continue
        yield current
        current = piece
    yield current


def _is_late(before: Floats, after: Floats, usual: float) -> bool:
    """Whether a few rows came late: then both together are no denser than elsewhere.

    If the clock was set back, rows before and after it share a time that both fill.
    """
    first, last = float(after[0]), float(before.max())
    rows = int((before >= first).sum()) + int((after <= last).sum())
    return rows <= (last - first) / usual + 2.0


def _comes_in_bursts(steps: Floats) -> bool:
    """Stamps of arrival: most steps are tiny, and pauses between them make up for it."""
    return bool((steps < BURST * _mean_step(steps)).mean() > BURSTS)


def _mean_step(steps: Floats) -> float:
    """Mean step without the few longest ones, which are pauses between recordings."""
    import numpy as np

    return float(np.mean(steps[steps <= np.percentile(steps, 98)]))


def _spread(
    times: Floats, readings: Floats, notes: ClockNotes, dropped: Counter[str]
) -> Iterator[tuple[Floats, Floats]]:
    """Rows of packets, evenly over the time of each stretch without a pause."""
    import numpy as np

    starts = _packet_starts(times)
    stamps = times[starts]
    between = np.diff(stamps)
    pause = PACKET_PAUSE * float(np.median(between)) if len(between) else np.inf
    edges = [0, *(np.flatnonzero(between > pause) + 1).tolist(), len(starts)]
    for a, b in pairwise(edges):
        first, last = starts[a], (starts[b] if b < len(starts) else len(times))
        if b - a < 3:
            dropped["too few packets to know their rate"] += int(last - first)
            continue
        # the last packet's own length is not known, so the rate is that of those before it
        rows = int(starts[b - 1] - first)
        interval = float(stamps[b - 1] - stamps[a]) / rows
        notes.spread_rows += int(last - first)
        notes.rates.append(1.0 / interval)
        notes.per_stamp.append(rows / (b - 1 - a))
        yield stamps[a] + interval * np.arange(last - first), readings[first:last]


def _packet_starts(times: Floats) -> NDArray[np.int64]:
    """Positions at which a new packet begins: after a pause longer than inside a burst."""
    import numpy as np

    steps = np.diff(times)
    shared = (steps == 0).mean() > SHARED
    new = steps > 0 if shared else steps >= BURST * _mean_step(steps)
    return np.concatenate([[0], np.flatnonzero(new) + 1])
