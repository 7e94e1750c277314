"""Numbers and contracts in words, the same ones in terminal, HTML and Markdown.

One result in plain lines, for a failed test or the output of a hook.
"""

from __future__ import annotations

import math

from edgeconv.core import (
    Contract,
    EvaluationResult,
    InputConvention,
    Interval,
    NonInferiority,
    ParityResult,
    Signal,
    Status,
    Tensors,
)


def explain(result: ParityResult, where: str) -> str:
    """What failed or did not run, check by check; `where` names the recordings."""
    if result.status is Status.PASSED:
        return (
            f"{result.artifact} behaves like the float model "
            f"({result.runtime}, {plural(result.n, 'window')} of {where})"
        )
    if result.status is Status.NOT_RUN:
        verdict = "is not proven to behave like the float model" if result.n else "was not checked"
        return f"{result.artifact} {verdict}: {result.reason or NOT_RUN}"
    heading = (
        f"{result.artifact} does not behave like the float model "
        f"({result.runtime}, {plural(result.n, 'window')} of {where})"
    )
    failed = [check for check in result.checks if check.status is not Status.PASSED]
    lines = [f"  {check.sentence}" for check in failed] or [f"  {result.reason}"]
    return "\n".join([heading, *lines])


def explain_golden(result: ParityResult) -> str:
    """The same for a file that ran on the golden vectors of its bundle."""
    where = f"({result.runtime}, {plural(result.n, 'golden vector')})"
    if result.status is Status.PASSED:
        return f"{result.artifact} gives what it gave when the bundle was made {where}"
    if result.status is Status.NOT_RUN:
        return f"{result.artifact} was not checked: {result.reason or NOT_RUN}"
    failed = [check for check in result.checks if check.status is not Status.PASSED]
    lines = [f"  {check.sentence}" for check in failed] or [f"  {result.reason}"]
    heading = f"{result.artifact} does not give what it gave when the bundle was made {where}"
    return "\n".join([heading, *lines])


def measured_on(result: EvaluationResult) -> str:
    """What accuracy was measured on: `40 windows of 9 held-out subjects`, `94 held-out texts`."""
    held_out = "held-out " if result.data.split == "test" else ""
    if result.per_subject:
        of = plural(len(result.per_subject), f"{held_out}subject")
        return f"{plural(result.n, result.data.unit)} of {of}"
    return plural(result.n, f"{held_out}{result.data.unit}")


def sample_unit(contract: Contract) -> str:
    """What one input of a model is called."""
    return "sample" if isinstance(contract, Tensors) else "window"


NOT_RUN = "not run"
STATUS = {
    Status.PASSED: "✓ passed",
    Status.FAILED: "✗ failed",
    Status.NOT_RUN: "– not run",
}


def status(value: str) -> str:
    """A status in words with its mark, also from its name in a manifest."""
    return STATUS[Status(value)]


def size(count: float | None) -> str:
    """Bytes in decimal units, as app stores count them: `540 kB`, `2.09 MB`."""
    if count is None:
        return NOT_RUN
    for factor, unit in ((1e6, "MB"), (1e3, "kB")):
        if count >= factor:
            return f"{_significant(count / factor)} {unit}"
    return f"{count:.0f} B"


def percent(share: float | None) -> str:
    """A share of 1 as `95.31 %`."""
    return NOT_RUN if share is None else f"{100 * share:.2f} %"


def points(difference: float | None) -> str:
    """A difference of shares in percentage points, signed: `−0.12`."""
    if difference is None:
        return NOT_RUN
    return (
        "0.00" if round(100 * difference, 2) == 0 else f"{100 * difference:+.2f}".replace("-", "−")
    )


def between(interval: Interval | None) -> str:
    """A share and its confidence bounds in percent: `99.94 % (99.66…100)`."""
    if interval is None:
        return NOT_RUN
    low, high = (f"{100 * bound:.4g}" for bound in (interval.low, interval.high))
    return f"{percent(interval.value)} ({low}…{high})"


def change(drop: NonInferiority | None) -> str:
    """The change of accuracy in points, signed, with its bounds: `−0.12 (−0.31…0.07)`."""
    if drop is None:
        return NOT_RUN
    low, high = points(-drop.high).lstrip("+"), points(-drop.low).lstrip("+")
    return f"{points(-drop.drop)} ({low}…{high})"


def duration(microseconds: float | None) -> str:
    """Microseconds as `74 µs`, `1.23 ms` or `2.5 s`."""
    if microseconds is None:
        return NOT_RUN
    for factor, unit in ((1e6, "s"), (1e3, "ms")):
        if microseconds >= factor:
            return f"{_significant(microseconds / factor)} {unit}"
    return f"{_significant(microseconds)} µs"


def times(ratio: float | None) -> str:
    """A ratio as `3.9×`."""
    return "–" if ratio is None else f"{ratio:.3g}×" if ratio < 100 else f"{ratio:.0f}×"


def count(number: float | None) -> str:
    """A whole number with thin separators: `520,486`."""
    return "–" if number is None else f"{number:,.0f}"


def number(value: float | None) -> str:
    """Any measurement to four significant digits; very small or large ones in powers of ten."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.2e}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def _significant(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def plural(n: int, one: str, many: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def sensor(signal: Signal) -> str:
    """The readings that the input expects: platform type, unit and sign, in a sentence or two."""
    if signal.sensor is InputConvention.ANDROID:
        return (
            "Android's accelerometer readings as they come (TYPE_ACCELEROMETER): m/s², gravity "
            "included. A phone lying flat on its back reads about +9.81 on z."
        )
    if signal.sensor is InputConvention.IOS:
        return (
            "Core Motion's accelerometer readings as they come (CMAccelerometerData): g, gravity "
            "included, the opposite sign of Android's. A phone lying flat on its back reads about "
            "−1 on z."
        )
    return (
        "Standardized numbers, not raw readings: (a − mean) / std for each channel, where a is "
        "acceleration in m/s² with gravity and Android's sign. The app must do this itself."
    )


def normalization(signal: Signal) -> str:
    """Whether the file or the app normalizes."""
    if signal.normalization is None:
        return "None: the network takes the readings as they are."
    if signal.normalization_folded:
        return "Folded into the first convolution: pass raw readings and do not normalize them."
    return "Not folded in: the app must normalize each channel before it calls the model."


def window(signal: Signal) -> str:
    """Length of a window, rate and step."""
    seconds = signal.window / signal.rate_hz
    return (
        f"{signal.window} time steps at {signal.rate_hz:g} Hz ({seconds:g} s); a new window "
        f"begins every {signal.step} steps ({signal.step / signal.rate_hz:g} s)."
    )


def layout(signal: Signal) -> str:
    """Memory order, spelled out with the channels' names."""
    steps = [f"{channel}{t}" for t in (0, 1) for channel in signal.channels]
    last = [f"{channel}{signal.window - 1}" for channel in signal.channels]
    return (
        f"{signal.flat_size} numbers, {signal.layout}: {' '.join(steps)} … {' '.join(last)} "
        "(oldest first)."
    )
