"""What the recordings as a whole can and cannot show."""

from __future__ import annotations

import hashlib
from collections import Counter

from edgeconv.core import Dataset, Recording
from edgeconv.core.dataset import DataFinding, DataSeverity, in_parts, let_go
from edgeconv.datasets.rules.blocks import Source, named
from edgeconv.datasets.rules.copies import RULE, CopiedRows, Place
from edgeconv.datasets.rules.gravity import OWN_TABLES
from edgeconv.datasets.splits import split
from edgeconv.datasets.tables.names import near_spellings
from edgeconv.errors import EdgeconvError

DOMINATES = 0.7  # share of the windows of the test that one of several subjects may have
RATES_APART = 1.5  # factor between the rates of two subjects
PIECES, SHORT = 10, 2.0  # so many recordings of one subject and class, so short in windows


def repeated(dataset: Dataset) -> list[DataFinding]:
    """D301: the same samples stand in two places, so they would count twice.

    What a loader found in its rows, which are exact; else whole recordings, and parts of the others
    that another subject or class has.
    """
    by_loader = [finding for finding in dataset.report.findings if finding.rule == RULE]
    if by_loader:
        return by_loader
    pairs = _whole_copies(dataset)
    labels, copies = dataset.signal.labels, {later for _, later in pairs}
    rows = CopiedRows(sum(len(recording.samples) for recording in dataset.recordings))
    for number, r in enumerate(dataset.recordings):
        if number not in copies:
            rows.add(Place(r.subject, labels[r.label], r.source, number), r.samples)
            let_go([r])
    return [*_of_whole_copies(dataset, pairs), *rows.findings(only_apart=True)]


def _whole_copies(dataset: Dataset) -> list[tuple[int, int]]:
    """Numbers of recordings that are the same sample by sample: the first, and a later one."""
    import numpy as np

    first: dict[bytes, int] = {}
    pairs = []
    looks = [_some_samples(recording) for recording in dataset.recordings]
    alike = Counter(looks)
    for number, recording in enumerate(dataset.recordings):
        if alike[looks[number]] < 2:
            continue
        digest, moves = hashlib.sha256(), False
        for _, samples in in_parts([recording]):
            moves = moves or bool(samples.any())
            digest.update(np.ascontiguousarray(samples).data)
        if not moves:
            continue
        key = digest.digest()
        if key in first:
            pairs.append((first[key], number))
        else:
            first[key] = number
    return pairs


def _of_whole_copies(dataset: Dataset, pairs: list[tuple[int, int]]) -> list[DataFinding]:
    if not pairs:
        return []
    labels = dataset.signal.labels
    both = [(dataset.recordings[first], dataset.recordings[later]) for first, later in pairs]
    gravest = next((pair for pair in both if pair[0].subject != pair[1].subject), both[0])
    one, other = gravest  # of two subjects, who may be in two parts of a split
    return [
        DataFinding(
            RULE,
            DataSeverity.WARNING,
            f"subject {one.subject}"
            if one.subject == other.subject
            else f"subjects {one.subject} and {other.subject}",
            f"{len(pairs)} {'recording repeats' if len(pairs) == 1 else 'recordings repeat'} "
            "another one sample by sample, such as "
            f"{labels[one.label]} of {one.subject} ({one.source}) and {labels[other.label]} of "
            f"{other.subject} ({other.source})",
            "leave one of them out",
        )
    ]


def _some_samples(recording: Recording) -> tuple[int, bytes, bytes, bytes]:
    """Length, first, middle and last sample: those of the same samples are the same."""
    samples = recording.samples
    first, middle, last = (samples[n:][:1].tobytes() for n in (0, len(samples) // 2, -1))
    let_go([recording])  # the system maps up to a megabyte around each of them
    return len(samples), first, middle, last


def lonely_classes(dataset: Dataset) -> list[DataFinding]:
    """D302: a class that one subject alone recorded can be learned or tested, never both."""
    if len(dataset.subject_names) < 2:
        return []
    findings = []
    for number, label in enumerate(dataset.signal.labels):
        subjects = sorted({r.subject for r in dataset.recordings if r.label == number})
        if len(subjects) == 1:
            findings.append(
                DataFinding(
                    "D302",
                    DataSeverity.HINT,
                    f"class {label}",
                    f"only subject {subjects[0]} recorded it, so no held-out subject can show "
                    "whether a model knows it",
                    "record it with more subjects",
                )
            )
    return findings


def single_classes(dataset: Dataset) -> list[DataFinding]:
    """D308: every subject has one class only, as where the name of a session stands for a person.

    Only of a user's own tables.
    """
    classes: dict[str, set[int]] = {}
    for recording in dataset.recordings:
        classes.setdefault(recording.subject, set()).add(recording.label)
    alone = all(len(own) == 1 for own in classes.values())
    if dataset.name not in OWN_TABLES or len(dataset.signal.labels) < 2 or not alone:
        return []
    return [
        DataFinding(
            "D308",
            DataSeverity.WARNING,
            "every subject",
            "each subject recorded one class only: if these names are those of sessions, one "
            "person stands on both sides of a split; else a model may know a class by its person",
            "name the people: [columns] subject, file_name, or subject in a TOML for each table",
        )
    ]


def lopsided_test(dataset: Dataset) -> list[DataFinding]:
    """D303: what a test says of others hangs on one subject."""
    try:
        test = split(dataset).test
    except EdgeconvError:
        return []  # too few subjects to split at all, which training says
    counts = {name: _windows(test, "subject", name) for name in test.subject_names}
    name, most = max(counts.items(), key=lambda item: item[1])
    if most < DOMINATES * len(test):
        return []
    alone = "is the only subject" if len(counts) == 1 else f"has {most / len(test):.0%}"
    return [
        DataFinding(
            "D303",
            DataSeverity.HINT,
            f"subject {name}",
            f"{alone} of the test: one subject's accuracy differs from another's by many points, "
            "so the figures say little about others",
            'record more subjects, name several: test_subjects = ["…", "…"], or use edgeconv '
            "cross-validate",
        )
    ]


def different_rates(dataset: Dataset) -> list[DataFinding]:
    """D304: subjects were recorded at different rates, so their high frequencies differ."""
    import numpy as np

    rates: dict[str, list[float]] = {}
    for recording in dataset.recordings:
        if recording.rate_hz:
            rates.setdefault(recording.subject, []).append(recording.rate_hz)
    typical = {subject: float(np.median(values)) for subject, values in rates.items()}
    if len(typical) < 2 or max(typical.values()) < RATES_APART * min(typical.values()):
        return []
    usual = float(np.median(list(typical.values())))
    others = {s: r for s, r in typical.items() if max(r / usual, usual / r) >= 1.2}
    listed = ", ".join(f"{subject} {rate:.3g} Hz" for subject, rate in sorted(others.items()))
    return [
        DataFinding(
            "D304",
            DataSeverity.HINT,
            named([Source(subject) for subject in others], dataset),
            f"most subjects were recorded at {usual:.3g} Hz, others not: {listed}; all are "
            f"resampled to {dataset.signal.rate_hz:g} Hz, but a slower sensor has seen less",
            "record all subjects with one setting, if classes differ in quick movements",
        )
    ]


def many_pieces(dataset: Dataset) -> list[DataFinding]:
    """D305: gaps cut the recordings of a subject and class into many short pieces."""
    lengths: dict[tuple[str, int, str], list[int]] = {}
    for recording in dataset.recordings:
        key = (recording.subject, recording.label, recording.source)
        lengths.setdefault(key, []).append(len(recording.samples))
    window = dataset.signal.window
    cut = {
        subject
        for (subject, _, _), own in lengths.items()
        if len(own) >= PIECES and sorted(own)[len(own) // 2] < SHORT * window
    }
    if not cut or dataset.name not in OWN_TABLES:
        return []
    return [
        DataFinding(
            "D305",
            DataSeverity.WARNING,
            named([Source(subject) for subject in cut], dataset),
            "gaps between the time stamps cut the recordings into many pieces of about one window: "
            "samples are lost, or the clock jumps",
            "record with the screen on or a wake lock; if nothing is missing, rate_hz = … in place "
            "of the time stamps",
        )
    ]


def near_names(dataset: Dataset) -> list[DataFinding]:
    """D306: two classes or subjects have nearly one name."""
    findings = []
    for what, names, cure in (
        ("class", dataset.signal.labels, '[rename_labels] "{0}" = "{1}"'),
        ("subject", dataset.subject_names, "give them one name in the tables"),
    ):
        for a, b in near_spellings(names):
            few, many = sorted((a, b), key=lambda name: _windows(dataset, what, name))
            findings.append(
                DataFinding(
                    "D306",
                    DataSeverity.WARNING,
                    f"{what} {few}",
                    f"is spelled nearly like {many}: a slip makes two of one",
                    f"write {cure.format(few, many)} into the TOML if they are the same"
                    if what == "class"
                    else cure,
                )
            )
    return findings


def _windows(dataset: Dataset, what: str, name: str) -> int:
    number = dataset.signal.labels.index(name) if what == "class" else None
    own = [
        r.label == number if number is not None else r.subject == name for r in dataset.recordings
    ]
    return int(dataset.windows_of_recordings[own].sum())
