"""Resolve the distillation teacher: a network to train first, or a model that was saved earlier."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeconv import bundle as bundles
from edgeconv.core import Distillation, Signal, Splits
from edgeconv.errors import BadInput, LeakError
from edgeconv.models import build


def find_teacher(
    distillation: Distillation | None, splits: Splits
) -> Callable[[Signal], Any] | Path | None:
    """What `train` takes as its teacher; None without distillation.

    Raises:
        UsageError: there is no network of that name.
        BadInput: the teacher's file is not in a bundle that names its training subjects.
        LeakError: the file was trained on subjects that validate or test the student.
    """
    if distillation is None:
        return None
    if not distillation.is_file:
        return build(distillation.teacher)
    path = Path(distillation.teacher)
    bundle = bundles.read_bundle(path.parent)
    train_subjects = bundle.model.train_subjects
    if bundle.model.path.name != path.name or not train_subjects:
        raise BadInput(
            f"the training subjects of the teacher {path} are not known",
            "give the model.keras of a bundle that edgeconv trained",
        )
    held_out = {*splits.val.subject_names, *splits.test.subject_names}
    shared = [subject for subject in train_subjects if subject in held_out]
    if bundle.trained_on(splits.train.name) and shared:
        raise LeakError(
            f"the teacher {path} was trained on subjects that validate or test the student: "
            f"{', '.join(shared)}",
            "train it with refit = false on the same split, or name a network instead",
        )
    return path
