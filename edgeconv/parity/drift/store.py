"""Are recordings like those that a bundle's model was trained on? A mistake is told in a sentence.

A bundle keeps `inputs.json`: how its training people's readings look. `data check`, `evaluate` and
`parity` hold other recordings against it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgeconv import bundle as bundles
from edgeconv.core import NULL_PROGRESS, Bundle, Dataset, Progress
from edgeconv.datasets import load_dataset
from edgeconv.errors import BadInput
from edgeconv.parity.drift import InputProfile, InputReport, check_inputs, make_profile


def write_inputs(folder: Path, train: Dataset) -> None:
    """Keep how the training people's readings look, where that can be said (three axes)."""
    profile = _profile_from(train)
    if profile is not None:
        text = json.dumps(profile.to_json(), indent=1, sort_keys=True, ensure_ascii=False)
        bundles.write_text(folder / bundles.INPUTS, text + "\n")


def check_recordings(spec: str, against: Path, progress: Progress = NULL_PROGRESS) -> InputReport:
    """All of a data set against a bundle's training people.

    Raises:
        BadInput: no bundle, one that keeps nothing of its training people, other windows than
            its, or data that cannot be loaded.
    """
    home = bundles.read(against, verify=False)
    progress.stage(f"check: {spec} against {against}")
    dataset = load_dataset(spec, progress)
    profile = _kept(home) or _from_own(home, dataset)
    if profile is None:
        raise BadInput(
            f"{against} keeps no {bundles.INPUTS}: nobody knows what its training data look like",
            "make the bundle anew with this version: edgeconv run",
        )
    if _differs(profile, dataset):
        raise BadInput(
            f"the bundle's windows are {profile.window} steps at {profile.rate_hz:g} Hz of "
            f"{', '.join(profile.channels)}, the data's {dataset.signal.window} at "
            f"{dataset.signal.rate_hz:g} Hz of {', '.join(dataset.signal.channels)}",
            "check data with the same window",
        )
    if not len(dataset):
        raise BadInput(f"{spec} holds no windows", "name other recordings")
    return _report(profile, dataset)


def input_facts(
    home: Bundle | None, dataset: Dataset, whole: Dataset, progress: Progress
) -> dict[str, Any]:
    """`{"inputs": report}` for what a result says of its data; empty where nothing is known.

    A mistake, or people unlike those of training, is told to whoever listens.
    """
    if home is None or not len(dataset):
        return {}
    profile = _kept(home) or _from_own(home, whole)
    if profile is None or _differs(profile, dataset):
        return {}
    found = _report(profile, dataset)
    if found.sentence:
        progress.note(f"the recordings: {found.sentence}")
    return {"inputs": found.to_json()}


def _report(profile: InputProfile, dataset: Dataset) -> InputReport:
    return check_inputs(profile, dataset.windows, _classes(dataset), dataset.subjects.tolist())


def _kept(home: Bundle) -> InputProfile | None:
    path = home.path / bundles.INPUTS
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}", "make the bundle anew") from error
    return InputProfile.from_json(document, str(path))


def _from_own(home: Bundle, whole: Dataset) -> InputProfile | None:
    """For a bundle that keeps none: made from its training people, where these are their data."""
    people = home.model.training.get("train_subjects", ())
    if home.data.get("name") != whole.name or not people:
        return None
    return _profile_from(whole.of_subjects(people))


def _profile_from(train: Dataset) -> InputProfile | None:
    return make_profile(train.windows, _classes(train), train.subjects.tolist(), train.signal)


def _classes(dataset: Dataset) -> list[str]:
    return [dataset.signal.labels[label] for label in dataset.labels.tolist()]


def _differs(profile: InputProfile, dataset: Dataset) -> bool:
    signal = dataset.signal
    own = (profile.window, profile.rate_hz, profile.channels)
    return own != (signal.window, signal.rate_hz, signal.channels)
