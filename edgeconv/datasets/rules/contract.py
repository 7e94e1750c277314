"""Do the readings of a data set mean what the contract of a model says?

A contract that is wrong by a unit cannot be seen in the files that are exported with it: they agree
with a float model that is wrong as well. It is seen in the readings.
"""

from __future__ import annotations

from edgeconv.core import Dataset, SensorKind, Signal
from edgeconv.core.dataset import DataFinding, DataSeverity
from edgeconv.errors import BadInput

RULE = "D110"
ABOUT = "the readings are not what the contract of the model says"
_APART = 2.5  # factor between typical readings: subjects differ by less, units by 9.8 or more


def refuse_other_windows(signal: Signal, dataset: Dataset, where: str) -> None:
    """Raises BadInput where the windows have another rate, which no reading shows."""
    data = dataset.signal
    if signal.plain_tensors or signal.window == 1:
        return  # nothing is said of time
    if abs(signal.rate_hz - data.rate_hz) > 1e-6 * data.rate_hz:
        raise BadInput(
            f"the contract of {where} says {signal.rate_hz:g} Hz, but the windows of "
            f"{dataset.report.source} are at {data.rate_hz:g} Hz",
            "give recordings that are cut at the rate of the contract",
        )


def contradictions(signal: Signal, dataset: Dataset, where: str) -> list[DataFinding]:
    """D110: channels of another kind, or readings of another size than the contract's."""
    if signal.plain_tensors:
        return []
    expected, given = signal.channel_kinds, dataset.signal.channel_kinds
    if len(expected) == len(given) and expected != given and None not in (*expected, *given):
        return [
            _finding(
                f"the contract of {where} says {_channels(signal)}, the data have "
                f"{_channels(dataset.signal)}",
                "name the columns of these channels in the TOML, in this order",
            )
        ]
    return _other_size(signal, dataset, where)


def _other_size(signal: Signal, dataset: Dataset, where: str) -> list[DataFinding]:
    """The root mean square of the accelerations, against that of the training subjects."""
    import numpy as np

    rows = list(signal.columns_of(SensorKind.ACCELEROMETER))
    if signal.normalization is None or not rows or not len(dataset):
        return []
    if len(signal.channels) != len(dataset.signal.channels):
        return []  # refused where the windows are encoded
    mean, std = np.array(signal.normalization.mean), np.array(signal.normalization.std)
    trained = float(np.sqrt((mean[rows] ** 2 + std[rows] ** 2).sum()))
    total, count = 0.0, 0
    for windows in dataset.in_turn():
        samples = windows.reshape(-1, len(signal.channels))[:, rows].astype(np.float64)
        total, count = total + float((samples**2).sum()), count + len(samples)
    average = float(np.sqrt(total / count))
    if trained / _APART <= average <= trained * _APART or len(rows) != 3:
        return []
    return [
        _finding(
            f"accelerations are {average:.3g} m/s² on average, but the model {where} was trained "
            f"on {trained:.3g}: the unit or gravity differs",
            "correct the unit in the TOML, or train the model again on data in m/s²",
        )
    ]


def _finding(text: str, cure: str) -> DataFinding:
    return DataFinding(RULE, DataSeverity.ERROR, "all recordings", text, cure)


def _channels(signal: Signal) -> str:
    pairs = zip(signal.channels, signal.channel_kinds, strict=True)
    return ", ".join(f"{name} ({kind})" for name, kind in pairs)
