"""Whom a student learns from: a network to be fitted, or a file that knows no test people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeconv import bundle as bundles
from edgeconv.core import Distillation, Signal, Splits
from edgeconv.errors import BadInput, LeakError
from edgeconv.models import build


def find_teacher(how: Distillation | None, splits: Splits) -> Callable[[Signal], Any] | Path | None:
    """What `train` takes as its teacher; None without distillation.

    Raises:
        UsageError: no network of that name.
        BadInput: a teacher's file that lies in no bundle, so that nobody knows its people.
        LeakError: the file was fitted to people who validate or test here.
    """
    if how is None:
        return None
    if not how.is_file:
        return build(how.teacher)
    path = Path(how.teacher)
    bundle = bundles.read(path.parent)
    known = bundle.model.training.get("train_subjects")
    if bundle.model.path.name != path.name or not known:
        raise BadInput(
            f"nobody knows which people the teacher {path} has learned from",
            "give the model.keras of a bundle that edgeconv trained",
        )
    held = {*splits.val.subject_names, *splits.test.subject_names}
    shared = [s for s in known if s in held]
    if bundle.data.get("name") == splits.train.name and shared:
        raise LeakError(
            f"the teacher {path} has learned from people who judge the student: "
            f"{', '.join(shared)}",
            "train it with refit = false on the same split, or name a network instead",
        )
    return path
