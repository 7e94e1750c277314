"""What the arguments of a command name: a model, a part of a data set."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgeconv.core import (
    Bundle,
    Dataset,
    EvaluationData,
    Progress,
    Windowing,
)
from edgeconv.datasets import (
    DataSource,
    cut_into,
    labeled,
    labels_of,
    load_dataset,
    names_data,
    spec_of,
    with_default,
)
from edgeconv.datasets.splits import check_disjoint, split
from edgeconv.errors import UsageError
from edgeconv.ir.keras_contents import ZIP_SUFFIX
from edgeconv.ir.keras_rewrite import needed_rewriting, rewrite
from edgeconv.parity.drift.store import report_inputs

PARTS = ("train", "val", "test", "all")


def find_model(path: Path) -> Path:
    """The model file that MODEL names: itself, or the one in a folder that edgeconv wrote."""
    return path / "model.keras" if (path / "model.keras").is_file() else path


def own_data(source: Bundle | None, data: DataSource | None) -> DataSource:
    """The data that a caller names, or else those that a bundle's model was trained on, with the
    rules that were accepted then, cut as that model takes them; empty where none are named."""
    if source is None or source.data is None:
        return with_default(data, "") if names_data(data) else ""
    spec = source.data_spec
    if not spec and not names_data(data):
        return ""
    named = with_default(data, spec, source.data.report.allow)
    return labeled(cut_into(named, windows_of(source)), source.data.labels)


def windows_of(source: Bundle | None) -> Windowing:
    """How the model of a bundle wants recordings cut; an empty one without a bundle."""
    return Windowing() if source is None else Windowing.of(source.model.contract)


@contextmanager
def exportable_model(path: Path, unsafe: bool, progress: Progress) -> Iterator[Path]:
    """A whole Keras model as a float32 `.keras` file of Keras 3: itself, or a temporary one.

    Args:
        path: a `.keras` or `.h5` file.
        unsafe: run code of the model's own layers.
        progress: is told what had to change.

    Raises:
        BadInput: not a whole model, or one that Keras cannot open.
    """
    if not needed_rewriting(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{path.stem}{ZIP_SUFFIX}"
        progress.note(rewrite(path, target, unsafe))
        yield target


def load_part(
    data: DataSource, part: str, progress: Progress, source: Bundle | None = None
) -> tuple[Dataset, EvaluationData]:
    """Part `train`, `val`, `test` or `all` of a data set, and what the results say of it.

    If `source` was trained on subjects of this data set, a test part that contains one of them is
    refused, and any other part says how many it contains.

    Args:
        data: a specification, a `Dataset`, arrays or a data frame.
        part: which part of it.
        progress: is told what the results do not show.
        source: the bundle of the model that gets the data.

    Raises:
        UsageError: no such part.
        BadInput, LeakError: as loaders and `split`.
    """
    if part not in PARTS:
        raise UsageError(f"unknown split '{part}'", f"choose one of: {', '.join(PARTS)}")
    if source is not None and source.data is not None:
        data = labeled(data, source.data.labels)
    whole = load_dataset(cut_into(data, windows_of(source)), progress)
    dataset = whole if part == "all" else split(whole).part(part)
    shared = source.training_subjects_in(dataset) if source is not None else ()
    if part == "test":
        check_disjoint(train=shared, test=dataset.subject_names)
    if source is not None:
        _note_familiar(source, dataset, shared, progress)
    if shared:
        progress.note(
            f"{len(shared)} of {len(dataset.subject_names)} subjects were in training: these "
            "figures say nothing about held-out subjects"
        )
    facts = EvaluationData(
        spec=spec_of(data),
        name=dataset.name,
        split=part,
        subjects=len(dataset.subject_names),
        sha256=dataset.sha256,
        trained_on=len(shared),
        inputs=report_inputs(source, dataset, progress),
        labels=labels_of(data),
    )
    return dataset, facts


def _note_familiar(
    source: Bundle, dataset: Dataset, shared: Sequence[str], progress: Progress
) -> None:
    """Tell of recordings that calibrated the files, and of names that training had as well."""
    calibrated = source.calibration_subjects_in(dataset)
    if calibrated:
        progress.note(
            f"recordings of {len(calibrated)} of {len(dataset.subject_names)} subjects calibrated "
            "the activation ranges"
        )
    same_data = source.data is not None and source.data.name == dataset.name
    same = [s for s in dataset.subject_names if s in source.model.train_subjects]
    if same_data and same and not shared and not source.held_out_subjects_in(dataset):
        progress.note(
            f"subjects {', '.join(same[:5])} are named like subjects of the training, with other "
            "recordings: if they are the same people, these figures are not of held-out subjects"
        )
