"""Gravity tells the unit and the sign of an accelerometer, subject by subject.

Over two seconds a body's own acceleration averages out, so the length of the mean vector is
gravity: 9.81 m/s² wherever the sensor is and whatever its owner does. The mean of the length is
not: running without gravity has a mean length near 9.81 by chance. So recordings are looked at in
blocks of two seconds: where gravity points in each, and how much moves around it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edgeconv.core import STANDARD_GRAVITY, Dataset, Recording
from edgeconv.core.data_finding import DataFinding, DataSeverity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOWEST, HIGHEST = 6.5, 13.0
"""m/s². A sensor's offset is up to 0.5 m/s², and clipping at 2 g takes 2 m/s² off the mean of a
jogger; every mistaken unit is off by 9.8 or more."""
STEADY = 0.35  # spread of gravity's length; without gravity the lengths scatter as much as they are
_UNITS = (("g", 1.0), ("mg", 1000.0))
_TOLERANCE = 1.35  # factor between a length and that of gravity in a unit
OWN_TABLES = ("csv",)
MOTION_SHARE = 0.6  # of the motion around it: a mean vector below that is no gravity
BLOCK_SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of one subject.

    Attributes:
        means: (n, 3) mean vector of each block. Motion averages out of it, so it is gravity, as
            far as the readings hold gravity.
        motion: (n,) root mean square of what the samples differ from that vector.
        labels: (n,) class number of each block.
    """

    means: NDArray[np.float64]
    motion: NDArray[np.float64]
    labels: NDArray[np.int64]

    @property
    def gravity(self) -> float:
        """Median length of the mean vectors."""
        import numpy as np

        return float(np.median(np.linalg.norm(self.means, axis=1)))

    @property
    def spread(self) -> float:
        """Interquartile range of those lengths, as a share of their median."""
        import numpy as np

        low, high = np.percentile(np.linalg.norm(self.means, axis=1), [25, 75])
        return float(high - low) / max(self.gravity, 1e-12)

    @property
    def typical_motion(self) -> float:
        """Median of `motion`."""
        import numpy as np

        return float(np.median(self.motion))


@lru_cache(maxsize=2)
def blocks_by_subject(dataset: Dataset) -> dict[str, Blocks]:
    """The blocks of each subject that has any."""
    import numpy as np

    length = max(2, round(BLOCK_SECONDS * dataset.signal.rate_hz))
    parts: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64], int]]] = {}
    for recording in dataset.recordings:
        means, motion = _blocks(recording, length)
        if len(means):
            parts.setdefault(recording.subject, []).append((means, motion, recording.label))
    return {
        subject: Blocks(
            np.concatenate([means for means, _, _ in rows]),
            np.concatenate([motion for _, motion, _ in rows]),
            np.concatenate([np.full(len(means), label) for means, _, label in rows]),
        )
        for subject, rows in parts.items()
    }


def _blocks(recording: Recording, length: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import numpy as np

    count = len(recording.samples) // length
    shape = (count, length, recording.samples.shape[1])
    cut = recording.samples[: count * length].astype(np.float64).reshape(shape)
    means = cut.mean(axis=1)
    motion = np.sqrt(((cut - means[:, None]) ** 2).sum(axis=2).mean(axis=1))
    return means, motion


def wrong_unit(dataset: Dataset) -> list[DataFinding]:
    """D101: gravity is there and as steady as it should be, but in another unit."""
    findings = []
    named: dict[str, list[str]] = {}
    for subject, blocks in blocks_by_subject(dataset).items():
        if unit := _other_unit(blocks):
            named.setdefault(unit, []).append(subject)
    for unit, subjects in named.items():
        lengths = [blocks_by_subject(dataset)[subject].gravity for subject in subjects]
        length = sorted(lengths)[len(lengths) // 2]
        findings.append(
            DataFinding(
                "D101",
                DataSeverity.ERROR,
                _who(subjects, dataset),
                f"gravity has a length of {length:.4g}, where it is 9.81 in m/s²: {_meaning(unit)}",
                _cure(unit, length, subjects, dataset),
            )
        )
    return findings


def _other_unit(blocks: Blocks) -> str:
    """`g`, `mg`, `too large by g` or `counts`; empty where the unit is right or unknowable."""
    length = blocks.gravity
    if LOWEST <= length <= HIGHEST or _lacks_gravity(blocks):
        return ""
    for unit, one in _UNITS:
        if one / _TOLERANCE <= length <= one * _TOLERANCE:
            return unit
    squared = STANDARD_GRAVITY**2
    if squared / _TOLERANCE <= length <= squared * _TOLERANCE:
        return "too large by g"
    return "counts"


def _meaning(unit: str) -> str:
    return {
        "g": "these look like readings in g",
        "mg": "these look like readings in milli-g",
        "too large by g": "9.8 times too large, as m/s² declared as g, or counts of a sensor",
        "counts": "another unit, or raw counts of a sensor",
    }[unit]


def _cure(unit: str, length: float, subjects: Collection[str], dataset: Dataset) -> str:
    line = {
        "g": 'unit = "g"',
        "mg": 'unit = "mg"',
        "too large by g": f'unit = "m/s^2", or counts_per_g = {length:.0f} for raw counts',
        "counts": f"counts_per_g = {length:.3g}",
    }[unit]
    everybody = len(subjects) == len(dataset.subject_names)
    if everybody:
        return f"write {line} into the TOML"
    return "write " + " ".join(f"[subjects.{name}] {line}" for name in subjects) + " into the TOML"


def missing_gravity(dataset: Dataset) -> list[DataFinding]:
    """D102: the mean vectors are short and scattered: acceleration without gravity."""
    subjects = {
        subject: blocks
        for subject, blocks in blocks_by_subject(dataset).items()
        if not LOWEST <= blocks.gravity <= HIGHEST and _lacks_gravity(blocks)
    }
    if not subjects:
        return []
    length = max(blocks.gravity for blocks in subjects.values())
    return [
        DataFinding(
            "D102",
            DataSeverity.ERROR,
            _who(list(subjects), dataset),
            f"gravity is missing: the mean vector of two seconds has a length of at most "
            f"{length:.2f} m/s², with gravity it is 9.81; this is linear (user) acceleration",
            "record the accelerometer with gravity (not 'linear' or 'user' acceleration)",
        )
    ]


def _lacks_gravity(blocks: Blocks) -> bool:
    """Whether the mean vectors are what motion leaves behind, instead of a steady gravity."""
    if blocks.gravity > HIGHEST:
        return False
    steady = blocks.spread <= STEADY and blocks.gravity > MOTION_SHARE * blocks.typical_motion
    return not steady or blocks.gravity < 0.5


def mixed_signs(dataset: Dataset) -> list[DataFinding]:
    """D103: in one class gravity points one way for some subjects and the other way for others.

    Only of a user's own tables: the loaders of published data sets know their sign.
    """
    import numpy as np

    if dataset.name not in OWN_TABLES:
        return []
    by_subject = blocks_by_subject(dataset)
    opposite: dict[tuple[str, ...], tuple[list[str], list[str], list[str]]] = {}
    for number, label in enumerate(dataset.signal.labels):
        means = {
            subject: np.median(blocks.means[blocks.labels == number], axis=0)
            for subject, blocks in by_subject.items()
            if (blocks.labels == number).any()
        }
        up, down, axis = _split_by_sign(means)
        if up and down:
            key = (*up, "|", *down)
            opposite.setdefault(key, (up, down, []))[2].append(f"{label} ({axis})")
    return [
        DataFinding(
            "D103",
            DataSeverity.WARNING,
            ", ".join(classes),
            f"gravity points one way for {_names(up)} and the other way for {_names(down)}: "
            "Android's and iOS's signs may be mixed, or the sensor was worn upside down",
            "write "
            + " ".join(f'[subjects.{name}] sign = "ios"' for name in down)
            + " into the TOML if these are iPhones",
        )
        for up, down, classes in opposite.values()
    ]


def _split_by_sign(means: dict[str, NDArray[Any]]) -> tuple[list[str], list[str], str]:
    """Subjects whose gravity is positive and negative on the axis that carries it."""
    import numpy as np

    if len(means) < 2:
        return [], [], ""
    vectors = np.array(list(means.values()))
    axis = int(np.abs(vectors).mean(axis=0).argmax())
    carried = np.abs(vectors[:, axis]) > 0.7 * STANDARD_GRAVITY
    if carried.sum() < max(2, 0.8 * len(means)):
        return [], [], ""
    names = np.array(list(means))
    up = names[carried & (vectors[:, axis] > 0)].tolist()
    down = names[carried & (vectors[:, axis] < 0)].tolist()
    return up, down, "xyz"[axis]


def _names(subjects: Collection[str]) -> str:
    return ", ".join(subjects)


def _who(subjects: Collection[str], dataset: Dataset) -> str:
    if len(subjects) == len(dataset.subject_names):
        return "every subject" if len(subjects) > 1 else f"subject {next(iter(subjects))}"
    return f"subject{'s' if len(subjects) > 1 else ''} {_names(subjects)}"
