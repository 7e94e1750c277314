"""Gravity tells the unit and the sign of an accelerometer, subject by subject.

Over two seconds a body's own acceleration averages out, so the length of the mean vector is
gravity: 9.81 m/s² wherever the sensor is and whatever its owner does. The mean of the length is
not: running without gravity has a mean length near 9.81 by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from edgeconv.core import STANDARD_GRAVITY, Dataset, SensorKind
from edgeconv.core.dataset import DataFinding, DataSeverity, in_parts
from edgeconv.datasets.rules.blocks import Blocks, Source, blocks_of, named, toml_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWEST, HIGHEST = 6.5, 13.3
"""m/s². A sensor's offset is up to 0.5 m/s², and clipping at 2 g takes 2 m/s² off the mean of a
jogger; every mistaken unit is off by 9.8 or more."""
STEADY = 0.35  # spread of gravity's length; without gravity the lengths scatter as much as they are
_UNITS = (("g", 1.0), ("mg", 1000.0))
_TOLERANCE = 1.35  # factor between a length and that of gravity in a unit
OWN_TABLES = ("csv",)
FEWEST_COUNTS = 15.0  # of one g, of any sensor
FIELD = (20.0, 75.0)  # µT; what a phone measures of the Earth's magnetic field
MIXED = 0.15  # share of blocks in each of two units
MOST = 0.6  # share of the sources whose axis of gravity is the usual one
MOTION_SHARE = 0.6  # of the motion around it: a mean vector below that is no gravity


def wrong_unit(dataset: Dataset) -> list[DataFinding]:
    """D101: gravity is there and as steady as it should be, but in another unit."""
    findings: list[DataFinding] = []
    if standardized(dataset):
        return findings
    for kind in (SensorKind.ACCELEROMETER, SensorKind.GRAVITY):
        every = blocks_of(dataset, kind)
        by_unit: dict[str, list[Source]] = {}
        for source, blocks in every.items():
            if unit := _other_unit(blocks):
                by_unit.setdefault(unit, []).append(source)
        for unit, sources in by_unit.items():
            lengths = sorted(every[source].length for source in sources)
            length = lengths[len(lengths) // 2]
            findings.append(
                DataFinding(
                    "D101",
                    DataSeverity.ERROR,
                    named(sources, dataset),
                    f"gravity has a length of {length:.4g}, where it is 9.81 in m/s²: "
                    f"{_meaning(unit)}",
                    "export the raw readings; edgeconv standardizes them itself"
                    if unit == "scaled"
                    else toml_for(_line(unit, length), sources, dataset, len(every)),
                )
            )
    return findings


def _other_unit(blocks: Blocks) -> str:
    """What the length looks like, a key of `_meaning`; empty: the unit is right or unknowable."""
    length = blocks.length
    if LOWEST <= length <= HIGHEST or _lacks_gravity(blocks):
        return ""
    for unit, one in _UNITS:
        if one / _TOLERANCE <= length <= one * _TOLERANCE:
            return unit
    squared = STANDARD_GRAVITY**2
    if squared / _TOLERANCE <= length <= squared * _TOLERANCE:
        return "too large by g"
    if length < FEWEST_COUNTS:
        return "scaled"
    return "field" if FIELD[0] <= length <= FIELD[1] else "counts"


def _meaning(unit: str) -> str:
    return {
        "g": "these look like readings in g",
        "mg": "these look like readings in milli-g",
        "too large by g": "9.8 times too large, as m/s² declared as g, or counts of a sensor",
        "counts": "another unit, or raw counts of a sensor",
        "scaled": "no unit has that: the readings were scaled (normalized, standardized with other "
        "figures), or it is no accelerometer",
        "field": "another unit, raw counts, or a magnetometer (the Earth's field has 25 to 65 µT)",
    }[unit]


def _line(unit: str, length: float) -> str:
    return {
        "g": 'unit = "g"',
        "mg": 'unit = "mg"',
        "too large by g": f'unit = "m/s^2", or counts_per_g = {length:.0f} for raw counts',
        "counts": f"counts_per_g = {length:.3g}",
        "field": f"counts_per_g = {length:.3g}",
    }[unit]


def mixed_units(dataset: Dataset) -> list[DataFinding]:
    """D108: one subject has readings in m/s² and in g, as of two devices that no column tells."""
    import numpy as np

    sources = []
    for source, blocks in blocks_of(dataset, SensorKind.ACCELEROMETER).items():
        lengths = np.linalg.norm(blocks.means, axis=1)
        in_g = (lengths > 1 / _TOLERANCE) & (lengths < _TOLERANCE)
        in_m_s2 = (lengths > LOWEST) & (lengths < HIGHEST)
        if min(in_g.mean(), in_m_s2.mean()) > MIXED and (in_g | in_m_s2).mean() > 1 - MIXED:
            sources.append(source)
    if not sources:
        return []
    return [
        DataFinding(
            "D108",
            DataSeverity.ERROR,
            named(sources, dataset),
            "some readings are in m/s² and some in g: two devices or exports were joined",
            'name the column that tells them apart: [columns] device = "…", then [devices.NAME] '
            'unit = "g"; or use two tables, each with its own TOML',
        )
    ]


def standardized(dataset: Dataset) -> list[DataFinding]:
    """D109: every axis has mean 0 and deviation 1: these are no readings any more."""
    import numpy as np

    columns = list(dataset.signal.columns_of(SensorKind.ACCELEROMETER))
    if not columns or not dataset.recordings:
        return []
    count, sums, squares = 0, np.zeros(len(columns)), np.zeros(len(columns))
    for _, samples in in_parts(dataset.recordings):
        readings = samples[:, columns].astype(np.float64)
        count += len(readings)
        sums += readings.sum(axis=0)
        squares += (readings**2).sum(axis=0)
    mean = sums / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    if not (np.abs(mean) < 0.1).all() or not (np.abs(deviation - 1) < 0.1).all():
        return []
    return [
        DataFinding(
            "D109",
            DataSeverity.ERROR,
            "every subject",
            "every axis has mean 0 and deviation 1: the readings were standardized, and gravity "
            "and unit are lost",
            "export the raw readings; edgeconv standardizes them itself",
        )
    ]


def other_length(dataset: Dataset) -> list[DataFinding]:
    """D111: gravity has the right length on the whole, and a wrong one in one class."""
    import numpy as np

    if dataset.name not in OWN_TABLES:
        return []
    unusual: dict[str, list[tuple[Source, float]]] = {}
    for source, blocks in blocks_of(dataset, SensorKind.ACCELEROMETER).items():
        if not LOWEST <= blocks.length <= HIGHEST:
            continue
        for number, label in enumerate(dataset.signal.labels):
            lengths = np.linalg.norm(blocks.means[blocks.labels == number], axis=1)
            typical = float(np.median(lengths)) if len(lengths) >= 3 else STANDARD_GRAVITY
            quiet = bool(len(lengths) and np.median(blocks.motion[blocks.labels == number]) < 1.0)
            low, high = (8.8, 10.8) if quiet else (7.0, 12.5)
            if not low <= typical <= high:
                unusual.setdefault(label, []).append((source, typical))
    return [
        DataFinding(
            "D111",
            DataSeverity.WARNING,
            f"class {label}, {named([s for s, _ in sources], dataset)}",
            f"gravity has a length of {sources[0][1]:.3g} m/s² there, where it is 9.81 however the "
            "sensor lies: an axis has an offset, another unit, or holds another column",
            "check [columns] x, y, z; calibrate = true corrects an offset",
        )
        for label, sources in unusual.items()
    ]


def other_axis(dataset: Dataset) -> list[DataFinding]:
    """D112: gravity lies on another axis for one subject than for all others, in every class."""
    import numpy as np

    if dataset.name not in OWN_TABLES:
        return []
    every = blocks_of(dataset, SensorKind.ACCELEROMETER)
    apart: dict[Source, int] = dict.fromkeys(every, 0)
    for number in range(len(dataset.signal.labels)):
        axes = {
            source: int(np.abs(np.median(blocks.means[blocks.labels == number], axis=0)).argmax())
            for source, blocks in every.items()
            if (blocks.labels == number).any()
        }
        usual, count = Counter(axes.values()).most_common(1)[0] if axes else (0, 0)
        if count >= max(2, MOST * len(axes)) and len(axes) >= 3:
            for source, axis in axes.items():
                apart[source] += axis != usual
    sources = [s for s, times in apart.items() if times >= min(2, len(dataset.signal.labels))]
    if not sources:
        return []
    return [
        DataFinding(
            "D112",
            DataSeverity.WARNING,
            named(sources, dataset),
            "gravity lies on another axis than for the other subjects, in several classes: axes "
            "were exchanged, or the sensor was worn another way",
            "if axes were exchanged, give these recordings a TOML of their own: [columns] x, y, z",
        )
    ]


def missing_gravity(dataset: Dataset) -> list[DataFinding]:
    """D102: the mean vectors are short and scattered: acceleration without gravity."""
    sources = {
        source: blocks
        for source, blocks in blocks_of(dataset, SensorKind.ACCELEROMETER).items()
        if not LOWEST <= blocks.length <= HIGHEST and _lacks_gravity(blocks)
    }
    if not sources or mixed_units(dataset):
        return []
    length = max(blocks.length for blocks in sources.values())
    return [
        DataFinding(
            "D102",
            DataSeverity.ERROR,
            named(sources, dataset),
            f"gravity is missing: the mean vector of two seconds has a length of at most "
            f"{length:.2f} m/s², with gravity it is 9.81; this is linear (user) acceleration, or "
            "no accelerometer",
            "record the accelerometer with gravity, or declare what it is: [channels] "
            'x = { kind = "linear-acceleration" } …',
        )
    ]


def present_gravity(dataset: Dataset) -> list[DataFinding]:
    """D107: gravity is in readings that are declared to be without it."""
    sources = [
        source
        for source, blocks in blocks_of(dataset, SensorKind.LINEAR_ACCELERATION).items()
        if not _lacks_gravity(blocks) and blocks.length > 0.5 * LOWEST
    ]
    if not sources:
        return []
    return [
        DataFinding(
            "D107",
            DataSeverity.ERROR,
            named(sources, dataset),
            "the linear acceleration has a steady mean vector: gravity is in it",
            'declare these channels as kind = "accelerometer", or name other columns',
        )
    ]


def _lacks_gravity(blocks: Blocks) -> bool:
    """Whether the mean vectors are what motion leaves behind, instead of a steady gravity."""
    if blocks.length > HIGHEST:
        return False
    steady = blocks.spread <= STEADY and blocks.length > MOTION_SHARE * blocks.typical_motion
    return not steady or blocks.length < 0.5


def mixed_signs(dataset: Dataset) -> list[DataFinding]:
    """D103: in one class gravity points one way for some sources and the other way for others.

    Only of a user's own tables: the loaders of published data sets know their sign.
    """
    import numpy as np

    if dataset.name not in OWN_TABLES:
        return []
    every = blocks_of(dataset, SensorKind.ACCELEROMETER)
    opposite: dict[tuple[tuple[Source, ...], tuple[Source, ...]], list[str]] = {}
    for number, label in enumerate(dataset.signal.labels):
        means = {
            source: np.median(blocks.means[blocks.labels == number], axis=0)
            for source, blocks in every.items()
            if (blocks.labels == number).any()
        }
        up, down, axis = _split_by_sign(means)
        if up and down:
            opposite.setdefault((tuple(up), tuple(down)), []).append(f"{label} ({axis})")
    return [
        DataFinding(
            "D103",
            DataSeverity.WARNING,
            ", ".join(classes),
            f"gravity points one way for {_names(up)} and the other way for {_names(down)}: "
            "Android's and iOS's signs may be mixed, or the sensor was worn upside down",
            toml_for('sign = "ios"', down, dataset, len(every)) + " if these are iPhones",
        )
        for (up, down), classes in opposite.items()
    ]


def _split_by_sign(
    means: dict[Source, NDArray[Any]],
) -> tuple[list[Source], list[Source], str]:
    """Sources whose gravity is positive and negative on the axis that carries it."""
    import numpy as np

    if len(means) < 2:
        return [], [], ""
    vectors = np.array(list(means.values()))
    axis = int(np.abs(vectors).mean(axis=0).argmax())
    carried = np.abs(vectors[:, axis]) > 0.7 * STANDARD_GRAVITY
    if carried.sum() < max(2, 0.8 * len(means)):
        return [], [], ""
    positive = vectors[:, axis] > 0
    pairs = list(zip(means, carried & positive, carried & ~positive, strict=True))
    return [s for s, yes, _ in pairs if yes], [s for s, _, yes in pairs if yes], "xyz"[axis]


def _names(sources: Collection[Source]) -> str:
    return ", ".join(map(str, sorted(sources)))
