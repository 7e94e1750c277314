"""Calibration windows: which subjects they are of, and what is exported without any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeconv.core import Bundle, Dataset, Progress, TrainedModel, Variant, Windowing
from edgeconv.datasets import (
    cut_into,
    describe_source,
    load_dataset,
    names_data,
)
from edgeconv.datasets.chosen_windows import calibration_windows
from edgeconv.datasets.rules import check_contract
from edgeconv.datasets.splits import check_disjoint, split
from edgeconv.errors import BadInput, EdgeconvError, MissingDependency, UsageError
from edgeconv.targets.base import scheme_of
from edgeconv.workflows.steps.export_options import ExportOptions
from edgeconv.workflows.steps.sources import own_data

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 0  # fixed: the same data give the same file
PROBES_ONLY = 64  # windows, if data are named although no scheme needs them


def calibrate(train: Dataset, test_subjects: Sequence[str], n: int) -> NDArray[np.float32]:
    """Calibration windows of training subjects. Raises LeakError if one is a held-out subject."""
    check_disjoint(calibration=train.subject_names, test=test_subjects)
    return calibration_windows(train, n, SEED)


def calibration_size(variants: Sequence[Variant]) -> int:
    """How many windows the schemes of these variants use; 0 if none uses any."""
    return max((scheme_of(v).calibration_windows for v in variants), default=0)


def calibration_for(
    variants: Sequence[Variant],
    options: ExportOptions,
    model: TrainedModel,
    source: Bundle | None,
    progress: Progress,
) -> tuple[NDArray[np.float32] | None, Sequence[Variant], Dataset | None]:
    """Calibration windows, the variants that can be exported with them, and their recordings.

    Args:
        model: what is exported; its contract must fit the data.
        source: the bundle that the model is in; its data are used if the options name none.

    Raises:
        UsageError: a variant needs windows, and no data are named.
        BadInput: the data cannot be loaded.
    """
    size = calibration_size(variants)
    if not size and not names_data(options.calibration):
        return None, variants, None
    try:
        dataset = _recordings(variants, options, source, progress, model)
        return calibration_windows(dataset, size or PROBES_ONLY, SEED), variants, dataset
    except EdgeconvError as error:
        rest = [v for v in variants if not scheme_of(v).needs_calibration]
        complete = len(rest) == len(variants)
        refuse = options.require_calibration and not complete
        if names_data(options.calibration) or not rest or refuse:
            raise
        if not complete:
            left_out = ", ".join(sorted({v.scheme for v in variants if v not in rest}))
            progress.note(f"{left_out} left out: {error.message}; {error.hint}")
        if plain := [v.scheme for v in rest if scheme_of(v).error_compensated]:
            progress.note(
                f"{', '.join(plain)}: weights are rounded without error compensation: "
                f"{error.message}"
            )
        return None, rest, None


def _recordings(
    variants: Sequence[Variant],
    options: ExportOptions,
    source: Bundle | None,
    progress: Progress,
    model: TrainedModel,
) -> Dataset:
    """Recordings of training subjects; none is of the model's held-out ones."""
    data = own_data(source, options.calibration)
    if data == "":
        raise _missing(variants)
    data = cut_into(data, Windowing.of(model.contract))
    progress.stage(f"calibration: {describe_source(data)}")
    try:
        dataset = load_dataset(data, progress)
    except EdgeconvError as error:
        if names_data(options.calibration) or isinstance(error, MissingDependency):
            raise
        raise BadInput(
            f"the model's own data cannot be loaded for calibration: {error.message}",
            "name recordings: --calibration SPEC",
        ) from error
    check_contract(model.signal, dataset, model.path.name)
    train = _training_subjects(dataset, progress)
    if source is not None:
        held_out = source.held_out_subjects_in(dataset)
        check_disjoint(calibration=train.subject_names, test=held_out)
    return train


def _missing(variants: Sequence[Variant]) -> UsageError:
    using = {v.scheme for v in variants if scheme_of(v).calibration_windows}
    needing = {v.scheme for v in variants if scheme_of(v).needs_calibration}
    names = ", ".join(sorted(needing or using))
    what = f"activation ranges of {names} need" if needing else f"weights of {names} lack"
    return UsageError(
        f"the {what} recordings",
        "name some: --calibration SPEC, for example --calibration motionsense:DIR",
    )


def _training_subjects(dataset: Dataset, progress: Progress) -> Dataset:
    """Training subjects of data that are not the model's own; all subjects if they are too few."""
    try:
        return split(dataset).train
    except BadInput as error:
        progress.note(f"calibrating on all subjects: {error.message}")
        return dataset
