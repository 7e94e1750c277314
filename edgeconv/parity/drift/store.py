"""The input profile of a bundle, and whether other recordings look like its training data.

A bundle stores `inputs.json`: statistics of its training subjects' readings. `data check`,
`evaluate` and `parity` compare other recordings with them.
"""

from __future__ import annotations

import json
from pathlib import Path

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    Bundle,
    Dataset,
    InputReport,
    PathLike,
    Progress,
    Windowing,
    as_path,
)
from edgeconv.datasets import (
    DataSource,
    cut_into,
    describe_source,
    load_dataset,
)
from edgeconv.errors import BadInput
from edgeconv.parity.drift import InputProfile, check_inputs, make_profile


def write_input_profile(folder: Path, train: Dataset) -> None:
    """Store the profile of the training subjects' readings, if they have three axes."""
    profile = _profile_of(train)
    if profile is not None:
        text = json.dumps(profile.to_json(), indent=1, sort_keys=True, ensure_ascii=False)
        bundles.write_text(folder / bundles.INPUTS, text + "\n")


def check_dataset(
    data: DataSource, against: PathLike, *, progress: Progress = LOG_PROGRESS
) -> InputReport:
    """Compare a whole data set with the training data of a bundle.

    Args:
        data: a specification, a `Dataset`, arrays or a data frame.
        against: the bundle's folder.
        progress: receives stages, progress and notes.

    Returns:
        Distances to the training data, and the input error that explains them, if one does.

    Raises:
        BadInput: not a bundle, a bundle without an input profile, windows of another kind, or
            data that cannot be loaded.
    """
    source = bundles.read_bundle(as_path(against, "against"), verify=False)
    progress.stage(f"check: {describe_source(data)} against {against}")
    profile = _stored_profile(source)
    if profile is None:
        raise BadInput(
            f"{against} has no {bundles.INPUTS}, so what its training data look like is not known",
            "make the bundle again with this version: edgeconv train or edgeconv run",
        )
    dataset = load_dataset(cut_into(data, Windowing.of(source.model.contract)), progress)
    if _differs(profile, dataset):
        raise BadInput(
            f"the bundle's windows are {profile.window} steps at {profile.rate_hz:g} Hz of "
            f"{', '.join(profile.channels)}, the data's {dataset.signal.window} at "
            f"{dataset.signal.rate_hz:g} Hz of {', '.join(dataset.signal.channels)}",
            "check data with the same window",
        )
    if not len(dataset):
        raise BadInput(f"{describe_source(data)} has no windows", "name other recordings")
    return _report(profile, dataset)


def report_inputs(
    source: Bundle | None, dataset: Dataset, progress: Progress
) -> InputReport | None:
    """How a data set compares with the training data of a bundle; None if that is not known.

    Args:
        source: the bundle whose training data are the standard.
        dataset: the windows in question.
        progress: is told of an input error and of readings unlike those of training.
    """
    if source is None or not len(dataset):
        return None
    profile = _stored_profile(source)
    if profile is None or _differs(profile, dataset):
        return None
    report = _report(profile, dataset)
    if report.sentence:
        progress.note(f"the recordings: {report.sentence}")
    return report


def _report(profile: InputProfile, dataset: Dataset) -> InputReport:
    return check_inputs(profile, dataset.windows, _classes(dataset), dataset.subjects.tolist())


def _stored_profile(source: Bundle) -> InputProfile | None:
    path = source.path / bundles.INPUTS
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}", "make the bundle again") from error
    return InputProfile.from_json(document, str(path))


def _profile_of(train: Dataset) -> InputProfile | None:
    return make_profile(train.windows, _classes(train), train.subjects.tolist(), train.signal)


def _classes(dataset: Dataset) -> list[str]:
    return [dataset.signal.labels[label] for label in dataset.labels.tolist()]


def _differs(profile: InputProfile, dataset: Dataset) -> bool:
    signal = dataset.signal
    expected = (profile.window, profile.rate_hz, profile.channels)
    return expected != (signal.window, signal.rate_hz, signal.channels)
