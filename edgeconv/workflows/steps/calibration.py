"""Windows that set activation ranges: whose they are, and what is done without any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeconv.core import Bundle, Dataset, Progress, Variant
from edgeconv.datasets import load_dataset
from edgeconv.datasets.calibration import calibration_windows
from edgeconv.datasets.splits import check_disjoint, split
from edgeconv.errors import BadInput, EdgeconvError, MissingDependency, UsageError
from edgeconv.targets.base import scheme_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 0  # fixed: the same data give the same file
FOR_PROBES = 64  # windows of a data set that is named although no scheme needs it


def calibrate(train: Dataset, test_subjects: Sequence[str], n: int) -> NDArray[np.float32]:
    """Calibration windows of training people. Raises LeakError if one is a test person."""
    check_disjoint(calibration=train.subject_names, test=test_subjects)
    return calibration_windows(train, n, SEED)


def calibration_size(variants: Sequence[Variant]) -> int:
    """How many windows the schemes of these variants want; 0 where none needs any."""
    return max((scheme_of(v).calibration_windows for v in variants), default=0)


def calibration_for(
    variants: Sequence[Variant],
    spec: str | None,
    home: Bundle | None,
    all_or_nothing: bool,
    progress: Progress,
) -> tuple[NDArray[np.float32] | None, Sequence[Variant]]:
    """Calibration windows from `spec`, or from the model's own data, and what can be made of them.

    Raises:
        UsageError, BadInput: a variant needs windows and there are none (with `all_or_nothing`, or
            if nothing else was asked for), or `spec` cannot be loaded.
    """
    size = calibration_size(variants)
    if not size and spec is None:
        return None, variants
    try:
        return _windows(variants, spec, home, size or FOR_PROBES, progress), variants
    except EdgeconvError as error:
        rest = [v for v in variants if not scheme_of(v).needs_calibration]
        complete = len(rest) == len(variants)
        if spec is not None or not rest or (all_or_nothing and not complete):
            raise
        if not complete:
            left_out = ", ".join(sorted({v.scheme for v in variants if v not in rest}))
            progress.note(f"{left_out} left out: {error.message}; {error.hint}")
        if plain := [v.scheme for v in rest if scheme_of(v).error_compensated]:
            progress.note(f"{', '.join(plain)}: each weight is rounded for itself: {error.message}")
        return None, rest


def _windows(
    variants: Sequence[Variant],
    spec: str | None,
    home: Bundle | None,
    size: int,
    progress: Progress,
) -> NDArray[np.float32]:
    own = home.data_spec if home else ""
    if spec is None and not own:
        asking = {v.scheme for v in variants if scheme_of(v).calibration_windows}
        needing = {v.scheme for v in variants if scheme_of(v).needs_calibration}
        names = ", ".join(sorted(needing or asking))
        what = f"activation ranges of {names} need" if needing else f"weights of {names} lack"
        raise UsageError(
            f"the {what} recordings",
            "name some: --calibration SPEC, for example --calibration motionsense:DIR",
        )
    used = spec or own
    progress.stage(f"calibration: {used}")
    try:
        dataset = load_dataset(used, progress)
    except EdgeconvError as error:
        if spec is not None or isinstance(error, MissingDependency):
            raise
        raise BadInput(
            f"the model's own data cannot be loaded for calibration: {error.message}",
            "name recordings: --calibration SPEC",
        ) from error
    if home is None or home.data is None or home.data.name != dataset.name:
        return calibrate(_people(dataset, progress), (), size)
    return calibrate(split(dataset).train, home.data.splits.test.subjects, size)


def _people(dataset: Dataset, progress: Progress) -> Dataset:
    """Training people of other data than the model's own; all of them where they are too few."""
    try:
        return split(dataset).train
    except BadInput as error:
        progress.note(f"calibrating on everybody: {error.message}")
        return dataset
