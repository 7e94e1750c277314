"""Offset and scale of an accelerometer, from how it reads gravity while nobody moves.

At rest, in whatever orientation, the readings lie on a sphere with a radius of 1 g around zero. A
sensor's offset moves the sphere, its scale stretches it along an axis; both are found by fitting a
sphere to the means of quiet windows (V. T. van Hees et al., J. Appl. Physiol. 117, 2014). The fit
needs quiet windows in enough orientations; without them nothing can be said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgeconv.core import STANDARD_GRAVITY, Dataset, Recording, SensorKind
from edgeconv.core.dataset import DataFinding, DataSeverity
from edgeconv.datasets.rules.blocks import Source, blocks_of, named, source_of, triples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

QUIET = 0.13  # m/s², motion of a quiet block: 13 milli-g, as in the paper
LEAST_BLOCKS = 10
COVERED = 0.3 * STANDARD_GRAVITY  # that far in both directions an axis must have pointed
WORTH = 0.15  # m/s²: mean error of gravity's length from which on it is reported
IMPROVES = 0.5  # the error that must at most be left


@dataclass(frozen=True, eq=False)
class SensorFit:
    """Offset and scale of one sensor: `reading · scale + offset` is right.

    Attributes:
        scale, offset: (3,) by axis, the offset in m/s².
        before, after: mean error of gravity's length in quiet windows, in m/s².
        blocks: how many quiet windows it is from.
    """

    scale: Floats
    offset: Floats
    before: float
    after: float
    blocks: int


def fit_sensors(dataset: Dataset) -> dict[Source, SensorFit]:
    """The fit of each device (each subject, where no device is named) that allows one."""
    import numpy as np

    means: dict[Source, list[Floats]] = {}
    for source, blocks in blocks_of(dataset, SensorKind.ACCELEROMETER).items():
        means.setdefault(source, []).append(blocks.means[blocks.motion < QUIET])
    fits = {source: _fit(np.concatenate(parts)) for source, parts in means.items()}
    return {source: fit for source, fit in fits.items() if fit is not None}


def offsets(dataset: Dataset) -> list[DataFinding]:
    """D208: an accelerometer is off by an offset or scale that a fit can take out."""
    import numpy as np

    findings = []
    for source, fit in fit_sensors(dataset).items():
        if fit.before < WORTH or fit.after > IMPROVES * fit.before:
            continue
        offset = ", ".join(f"{value:+.2f}" for value in -fit.offset / fit.scale)
        scale = ", ".join(f"{value:+.1%}" for value in 1 / fit.scale - np.ones(3))
        findings.append(
            DataFinding(
                "D208",
                DataSeverity.HINT,
                named([source], dataset),
                f"the sensor's offset is {offset} m/s² and its scale {scale} on x, y, z: gravity "
                f"is wrong by {fit.before:.2f} m/s² on average, {fit.after:.2f} after a correction "
                f"({fit.blocks} quiet windows)",
                "write calibrate = true into the TOML to correct it",
            )
        )
    return findings


def calibrated(dataset: Dataset) -> tuple[Dataset, tuple[str, ...]]:
    """The data set with each sensor's offset and scale taken out, and what was done, in words."""
    fits = {
        source: fit
        for source, fit in fit_sensors(dataset).items()
        if fit.after <= IMPROVES * fit.before
    }
    sensors = triples(dataset.signal, SensorKind.ACCELEROMETER)
    if not fits:
        return dataset, ("calibrate: too few quiet windows in different orientations, or no gain",)
    recordings = []
    for recording in dataset.recordings:
        for columns in sensors:
            sensor = " ".join(dataset.signal.channels[c] for c in columns)
            source = _source(recording, dataset, sensor if len(sensors) > 1 else "")
            if source in fits:
                recording = _corrected(recording, columns, fits[source])
        recordings.append(recording)
    notes = tuple(
        f"calibrated {source}: gravity was wrong by {fit.before:.2f} m/s², now by {fit.after:.2f}"
        for source, fit in sorted(fits.items())
    )
    return replace(dataset, recordings=tuple(recordings)), notes


def _source(recording: Recording, dataset: Dataset, sensor: str) -> Source:
    return replace(source_of(recording, dataset), sensor=sensor)


def _corrected(recording: Recording, columns: tuple[int, ...], fit: SensorFit) -> Recording:
    import numpy as np

    samples = recording.samples.copy()
    rows = samples[:, list(columns)].astype(np.float64)
    samples[:, list(columns)] = (rows * fit.scale + fit.offset).astype(np.float32)
    return replace(recording, samples=samples)


def _fit(means: Floats) -> SensorFit | None:
    """The sphere through the mean vectors of quiet blocks; None if they say too little."""
    import numpy as np
    from scipy.optimize import least_squares

    if len(means) < LEAST_BLOCKS:
        return None
    if (means.max(axis=0) < COVERED).any() or (means.min(axis=0) > -COVERED).any():
        return None

    def errors(parameters: Floats) -> Floats:
        corrected = means * parameters[:3] + parameters[3:]
        return np.asarray(np.linalg.norm(corrected, axis=1) - STANDARD_GRAVITY)

    start = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    solution = least_squares(errors, start, loss="soft_l1", f_scale=0.1).x
    if not (np.abs(solution[:3] - 1) < 0.2).all():
        return None
    before, after = (float(np.abs(errors(p)).mean()) for p in (start, solution))
    return SensorFit(solution[:3], solution[3:], before, after, len(means))
