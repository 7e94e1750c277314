"""Units and mistaken columns of gyroscopes and magnetometers, which gravity cannot tell."""

from __future__ import annotations

from edgeconv.core import Dataset, SensorKind
from edgeconv.core.dataset import DataFinding, DataSeverity
from edgeconv.datasets.rules.blocks import Blocks, Source, blocks_of, named

FASTEST = 12.0
"""rad/s, 690 degrees a second: the typical rotation of two seconds in which nobody can keep up."""
SLOWEST = 0.03
"""rad/s: less than a body that moves by `MOVING` turns in any wrist, pocket or belt."""
MOVING, STILL = 1.2, 0.15  # m/s², of an accelerometer beside it
RESTING = 0.25  # rad/s: more than a sensor that lies still turns
TURNING = 1.0  # rad/s on average over two seconds, in half of all blocks: nobody spins like this
EARTH = (5.0, 500.0)  # µT; the Earth's field has 25 to 65, a phone's own magnets add some


def rotation_unit(dataset: Dataset) -> list[DataFinding]:
    """D104: rotation is faster or slower than a body can turn: degrees for radians or the reverse.

    Too slow is known only where an accelerometer of the same source moves.
    """
    fast, slow = [], []
    moving = blocks_of(dataset, SensorKind.ACCELEROMETER)
    for source, blocks in blocks_of(dataset, SensorKind.GYROSCOPE).items():
        size = _size(blocks)
        if size > FASTEST or _turns_at_rest(blocks, _beside(source, moving)):
            fast.append(source)
        elif size < SLOWEST and _moves(_beside(source, moving)):
            slow.append(source)
    findings = []
    for sources, text, unit in (
        (fast, "faster than a body turns: these look like degrees a second", "deg/s"),
        (slow, "slower than a body that moves: these look like rad/s taken for deg/s", "rad/s"),
    ):
        if sources:
            findings.append(
                DataFinding(
                    "D104",
                    DataSeverity.ERROR,
                    named(sources, dataset),
                    f"the gyroscope's readings are {text}",
                    f'set unit = "{unit}" of these channels in [channels]',
                )
            )
    return findings


def steady_rotation(dataset: Dataset) -> list[DataFinding]:
    """D105: a gyroscope whose readings have a steady mean holds another sensor's."""
    import numpy as np

    sources = []
    for source, blocks in blocks_of(dataset, SensorKind.GYROSCOPE).items():
        lengths = np.linalg.norm(blocks.means, axis=1)
        if float(np.median(lengths)) > TURNING and blocks.spread < 1.0:
            sources.append(source)
    if not sources:
        return []
    return [
        DataFinding(
            "D105",
            DataSeverity.ERROR,
            named(sources, dataset),
            "the gyroscope turns steadily, as nobody does: these columns hold another sensor, "
            "such as an accelerometer with gravity",
            "exchange the columns in [channels]",
        )
    ]


def magnetic_unit(dataset: Dataset) -> list[DataFinding]:
    """D106: the magnetic field is far from that of the Earth."""
    wrong = {
        source: blocks.length
        for source, blocks in blocks_of(dataset, SensorKind.MAGNETOMETER).items()
        if not EARTH[0] <= blocks.length <= EARTH[1]
    }
    if not wrong:
        return []
    return [
        DataFinding(
            "D106",
            DataSeverity.WARNING,
            named(wrong, dataset),
            f"the magnetic field has a length of {next(iter(wrong.values())):.3g} µT, that of the "
            "Earth has 25 to 65: another unit, or no magnetometer",
            "set the unit of these channels in [channels]: uT, mT, nT, T, G or mG",
        )
    ]


def _size(blocks: Blocks) -> float:
    """Root mean square of the rotation in a typical block."""
    import numpy as np

    lengths = np.linalg.norm(blocks.means, axis=1)
    return float(np.percentile(np.hypot(lengths, blocks.motion), 75))


def _beside(source: Source, moving: dict[Source, Blocks]) -> Blocks | None:
    """The blocks of an accelerometer of the same subject and device."""
    mine = (source.subject, source.device)
    return next((b for other, b in moving.items() if (other.subject, other.device) == mine), None)


def _moves(beside: Blocks | None) -> bool:
    import numpy as np

    return beside is not None and float(np.percentile(beside.motion, 75)) > MOVING


def _turns_at_rest(blocks: Blocks, beside: Blocks | None) -> bool:
    """Whether there is rotation in blocks in which the accelerometer lies still."""
    import numpy as np

    if beside is None:
        return False
    still = beside.motion < STILL
    return bool(still.sum() >= 3 and np.median(blocks.motion[still]) > RESTING)
