"""Several data sets as one: common classes, subjects kept apart, the same windows of all of them.

A model that is trained on a mixture holds out the subjects that each data set holds out by itself,
so that it can be judged on any of them as a model of that data set alone is.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgeconv.core import Dataset, LabelMap, LoadReport, Recording, Signal
from edgeconv.datasets.rules import balance
from edgeconv.datasets.splits import usual_subjects
from edgeconv.errors import BadInput, UsageError

SAME_PEOPLE = {"uci-har": "hapt", "hapt-transitions": "hapt"}
"""Data sets whose subjects have the same numbers as the same people in another one."""
FEWEST_TO_SPLIT = 3  # subjects of a data set; fewer are all trained on


def read_label_map(path: Path) -> LabelMap:
    """A label map from a TOML file with `[classes]` and `drop`.

    Raises:
        UsageError: no such file, or a key or value in it is wrong.
        BadInput: the file is not TOML.
    """
    if not path.is_file():
        raise UsageError(f"no label map {path}", "give a TOML file with [classes] and drop")
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"label map {path} is not valid TOML: {error}", "correct it") from error
    return LabelMap.from_table(table, f"label map {path}")


def relabeled(dataset: Dataset, labels: LabelMap) -> Dataset:
    """The data set with its labels merged; windows of dropped ones are counted and told.

    Raises:
        BadInput: no window is left.
    """
    import numpy as np

    if not labels:
        return dataset
    names = dataset.signal.labels
    windows = np.bincount(dataset.labels, minlength=len(names)).tolist()
    dropped = {n: windows[names.index(n)] for n in labels.drop if n in names}
    classes = labels.merged([name for name in names if name not in labels.drop])
    keep = [i for i, r in enumerate(dataset.recordings) if names[r.label] not in labels.drop]
    rest = dataset.of_recordings(keep)
    if not len(rest):
        raise BadInput(
            f"{dataset.report.source}: the label map drops every window", "drop fewer labels"
        )
    number = {i: classes.index(labels.class_of(n)) for i, n in enumerate(names) if n not in dropped}
    said = [f"labels: {labels.sentence()}"]
    said += [f"{count} windows labeled {name} are left out" for name, count in dropped.items()]
    if unknown := [n for n in labels.named if n not in names and labels.class_of(n) != n]:
        said.append(
            f"the label map names {', '.join(unknown)}, which these recordings do not have: they "
            f"have {', '.join(names)}"
        )
    counts = {f"windows labeled {n}, by the label map": count for n, count in dropped.items()}
    subjects = set(rest.subject_names)  # without those who recorded dropped labels only
    return replace(
        rest,
        test_subjects=tuple(s for s in rest.test_subjects if s in subjects),
        val_subjects=tuple(s for s in rest.val_subjects if s in subjects),
        signal=replace(rest.signal, labels=classes),
        recordings=tuple(replace(r, label=number[r.label]) for r in rest.recordings),
        report=replace(
            rest.report,
            dropped={**rest.report.dropped, **counts},
            notes=(*rest.report.notes, *said),
        ),
    )


def in_one(parts: Sequence[Dataset]) -> Dataset:
    """All windows of several data sets, with their own subjects and the classes of all of them.

    Subjects are named `DATASET/NAME`. Those of the same name in two parts of one data set, or in
    data sets that the same people recorded, are one subject.

    Raises:
        BadInput: the windows differ in rate, length, step or channels.
    """
    import numpy as np

    first = parts[0].signal
    for part in parts[1:]:
        _refuse_other_windows(first, part)
    classes = tuple(dict.fromkeys(label for part in parts for label in part.signal.labels))
    recordings: list[Recording] = []
    index, test, val, counts = [], [], [], Counter[str]()
    for part in parts:
        prefix = SAME_PEOPLE.get(part.name, part.name)
        number = [classes.index(label) for label in part.signal.labels]
        index.append(part.index + np.array([len(recordings), 0]))
        recordings += [
            replace(r, subject=f"{prefix}/{r.subject}", label=number[r.label])
            for r in part.recordings
        ]
        if len(part.subject_names) >= FEWEST_TO_SPLIT:
            held_out = usual_subjects(part)
            test += [f"{prefix}/{subject}" for subject in held_out[0]]
            val += [f"{prefix}/{subject}" for subject in held_out[1]]
        counts.update({f"{part.name}: {why}": n for why, n in part.report.dropped.items()})
    signal = replace(first, labels=classes)
    mixed = Dataset(
        name=" + ".join(part.name for part in parts),
        signal=signal,
        recordings=tuple(recordings),
        index=np.concatenate(index),
        report=_report(parts, dict(counts)),
        test_subjects=tuple(dict.fromkeys(test)),
        val_subjects=tuple(s for s in dict.fromkeys(val) if s not in test),
    )
    without = replace(mixed, report=replace(mixed.report, findings=()))
    copies = [c for c in balance.repeated(without) if c not in mixed.report.findings]
    return replace(mixed, report=replace(mixed.report, findings=(*mixed.report.findings, *copies)))


def _report(parts: Sequence[Dataset], dropped: dict[str, int]) -> LoadReport:
    reports = [part.report for part in parts]
    few = [part.name for part in parts if len(part.subject_names) < FEWEST_TO_SPLIT]
    names = [SAME_PEOPLE.get(part.name, part.name) for part in parts]
    said = [f"all subjects of {name} are trained on: they are too few to split" for name in few]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        said.append(
            f"{', '.join(twice)}: subjects of the same name in two of the data sets are taken for "
            "the same person"
        )
    return LoadReport(
        source=" + ".join(report.source for report in reports),
        kept=sum(report.kept for report in reports),
        dropped=dropped,
        notes=(*(note for report in reports for note in report.notes), *said),
        synthetic=any(report.synthetic for report in reports),
        findings=tuple(finding for report in reports for finding in report.findings),
        allow=tuple(dict.fromkeys(rule for report in reports for rule in report.allow)),
    )


def _refuse_other_windows(first: Signal, part: Dataset) -> None:
    signal = part.signal
    for what, one, other in (
        ("Hz", first.rate_hz, signal.rate_hz),
        ("time steps", first.window, signal.window),
        ("steps between windows", first.step, signal.step),
        ("as channels", first.channel_kinds, signal.channel_kinds),
        ("as the source of gravity", first.gravity, signal.gravity),
    ):
        if one != other:
            raise BadInput(
                f"{part.name}: windows with {_words(other)} {what} do not go with those of the "
                f"first data set, which have {_words(one)}",
                "name rate, window, step and channels under [windowing] of the recipe",
            )


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
