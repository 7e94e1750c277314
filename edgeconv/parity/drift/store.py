"""The input profile of a bundle, and whether other recordings look like its training data.

A bundle stores `inputs.json`: statistics of its training subjects' readings. `data check`,
`evaluate` and `parity` compare other recordings with them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    Bundle,
    Dataset,
    InputReport,
    PathLike,
    Progress,
    Tensors,
    Windowing,
    as_path,
)
from edgeconv.core.json_codec import damage
from edgeconv.datasets import (
    DATASETS,
    DataSource,
    cut_into,
    describe_source,
    load_dataset,
)
from edgeconv.errors import BadInput, Unsupported
from edgeconv.parity.drift import InputProfile, check_inputs, make_profile
from edgeconv.parity.drift.coverage import Coverage, coverage_by_bundle, coverage_by_dataset


def write_input_profile(folder: Path, train: Dataset) -> None:
    """Store the profile of the training subjects' readings, if they have three axes."""
    profile = _profile_of(train)
    if profile is not None:
        text = json.dumps(profile.to_json(), indent=1, sort_keys=True, ensure_ascii=False)
        bundles.write_text(folder / bundles.INPUTS, text + "\n")


@dataclass(frozen=True)
class DatasetComparison:
    """How recordings compare with others.

    Attributes:
        coverage: what the others never had.
        inputs: input errors and distance; None where the others are too few to say.
    """

    coverage: Coverage
    inputs: InputReport | None

    def to_json(self) -> dict[str, Any]:
        inputs = {} if self.inputs is None else self.inputs.to_json()
        return {**inputs, "coverage": self.coverage.to_json()}


def check_dataset(
    data: DataSource, against: PathLike, *, progress: Progress = LOG_PROGRESS
) -> DatasetComparison:
    """Compare a whole data set with the training data of a bundle, or with another data set.

    Args:
        data: a specification, a `Dataset`, arrays or a data frame.
        against: the bundle's folder, or a specification.
        progress: receives stages, progress and notes.

    Returns:
        What the other side never had, distances to it, and the input error that explains them.

    Raises:
        BadInput: not a bundle, a bundle without an input profile, windows of another kind, or
            data that cannot be loaded.
    """
    if not _is_folder_of_a_bundle(against):
        return _compare_datasets(data, str(against), progress)
    source = bundles.read_bundle(as_path(against, "against"), verify=False)
    if isinstance(source.model.contract, Tensors):
        raise Unsupported(
            f"--against does not apply: the model of {against} takes named tensors, and drift is "
            "told by the readings of a sensor",
            "name a bundle of a window model, or a data set",
        )
    progress.stage(f"check: {describe_source(data)} against {against}")
    profile = _stored_profile(source)
    if profile is None:
        raise BadInput(
            f"{against} has no {bundles.INPUTS}, so what its training data look like is not known",
            "make the bundle again with this version: edgeconv train or edgeconv run",
        )
    dataset = load_dataset(cut_into(data, Windowing.of(source.model.contract)), progress)
    _refuse_other_windows(profile, dataset)
    _refuse_empty(data, dataset)
    coverage = coverage_by_bundle(dataset, source, profile)
    if trained := source.training_subjects_in(dataset):
        progress.note(
            f"the model was trained on recordings of {len(trained)} of these subjects: the "
            "comparison with itself says nothing about them"
        )
    return DatasetComparison(coverage, _report(profile, dataset))


def _is_folder_of_a_bundle(against: PathLike) -> bool:
    name = str(against)
    return ":" not in name and name not in DATASETS


def _compare_datasets(data: DataSource, against: str, progress: Progress) -> DatasetComparison:
    progress.stage(f"check: {describe_source(data)} against {against}")
    other = load_dataset(against, progress)
    dataset = load_dataset(data, progress)
    _refuse_empty(against, other)
    _refuse_empty(data, dataset)
    if (other.signal.channels, other.signal.rate_hz) != (
        dataset.signal.channels,
        dataset.signal.rate_hz,
    ):
        raise BadInput(
            f"{against} has the channels {', '.join(other.signal.channels)}, "
            f"{describe_source(data)} has {', '.join(dataset.signal.channels)}",
            "compare recordings of the same channels and rate",
        )
    coverage = coverage_by_dataset(dataset, other)
    if coverage.same == 1:
        progress.note("every window of these recordings is in the others as well: the same data")
    profile = _profile_of(other)
    fits = profile is not None and not _differs(profile, dataset)
    return DatasetComparison(coverage, _report(profile, dataset) if profile and fits else None)


def _refuse_other_windows(profile: InputProfile, dataset: Dataset) -> None:
    if _differs(profile, dataset):
        raise BadInput(
            f"the bundle's windows are {profile.window} steps at {profile.rate_hz:g} Hz of "
            f"{', '.join(profile.channels)}, the data's {dataset.signal.window} at "
            f"{dataset.signal.rate_hz:g} Hz of {', '.join(dataset.signal.channels)}",
            "check data with the same window",
        )


def _refuse_empty(data: DataSource, dataset: Dataset) -> None:
    if not len(dataset):
        raise BadInput(f"{describe_source(data)} has no windows", "name other recordings")


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
        raise BadInput(
            f"{path} cannot be read: {damage(error)}", "make the bundle again"
        ) from error
    return InputProfile.from_json(document, str(path))


def _profile_of(train: Dataset) -> InputProfile | None:
    windows = train.take(slice(None))  # not kept, as `train.windows` would be
    return make_profile(windows, _classes(train), train.subjects.tolist(), train.signal)


def _classes(dataset: Dataset) -> list[str]:
    return [dataset.signal.labels[label] for label in dataset.labels.tolist()]


def _differs(profile: InputProfile, dataset: Dataset) -> bool:
    signal = dataset.signal
    expected = (profile.window, profile.rate_hz, profile.channels)
    return expected != (signal.window, signal.rate_hz, signal.channels)
