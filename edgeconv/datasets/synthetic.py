"""The embedded data set: nobody's movements, made by `gait` from a fixed seed.

It lets the whole pipeline run without a download. It says nothing about people.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgeconv.core import Dataset, Progress
from edgeconv.datasets.gait_simulator import POSTURES, make_person, record
from edgeconv.datasets.windowing import Origin, Segment, assemble
from edgeconv.errors import UsageError

SEED = 2018
SUBJECTS = 12
TRIALS = 4  # of each activity; the phone is put into the pocket anew
STEPS = 400  # 20 s, 9 windows
RATE_HZ = 20.0
NOTE = (
    "SYNTHETIC DATA: made by a formula, not recorded. It shows that the pipeline works; accuracy "
    "on it says nothing about people. Use recordings (motionsense, wisdm, csv) for a real model"
)


def load(path: Path | None, progress: Progress) -> Dataset:
    """Twelve made-up subjects, six activities; the same samples every time.

    Raises:
        UsageError: a path was given.
    """
    if path is not None:
        raise UsageError("the synthetic data set takes no path", "write --data synthetic")
    progress.stage("Making synthetic recordings")
    progress.note(NOTE)
    source = f"formula of a walking person, seed {SEED}"
    return assemble(Origin("synthetic", source, (NOTE,), synthetic=True), tuple(POSTURES), _all())


def _all() -> Iterator[Segment]:
    import numpy as np

    for subject in range(1, SUBJECTS + 1):
        person = make_person(np.random.default_rng([SEED, subject]))
        for label, (name, posture) in enumerate(POSTURES.items()):
            for trial in range(TRIALS):
                random = np.random.default_rng([SEED, subject, label, trial])
                values = record(person, posture, STEPS, RATE_HZ, random)
                source = f"{name} {trial + 1}"
                yield Segment(str(subject), label, values, rate_hz=RATE_HZ, source=source)
