"""An earlier profile to compare with: its numbers, and its files if they exist."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeconv import bundle as bundles
from edgeconv.core import Artifact, Change, Comparison, ProfileResult, Status
from edgeconv.core.paths import read_text, sha256
from edgeconv.errors import BadInput
from edgeconv.profiling.comparison import compare_paired, compare_recorded, not_compared
from edgeconv.targets import files
from edgeconv.targets.base import suffixes

CONFIRMATIONS = 2  # a file counts as slower only if that many repetitions confirm it

Timer = Callable[[Sequence[Artifact]], list[ProfileResult]]


@dataclass(frozen=True)
class Baseline:
    """What `--baseline` names.

    Attributes:
        results: the recorded numbers; empty where only files are given.
        artifacts: the files; timed again, interleaved with those of this run.
    """

    path: Path
    results: tuple[ProfileResult, ...] = ()
    artifacts: tuple[Artifact, ...] = ()

    def partner(self, of: Artifact, alone: bool) -> Artifact | None:
        """The file to interleave with `of`: of that name, or the only one if `alone`."""
        partners = [a for a in self.artifacts if a.name == of.name and a.target == of.target]
        if not partners and alone and len(self.artifacts) == 1:
            partners = list(self.artifacts)
        return partners[0] if partners else None

    def record(self, of: Artifact, alone: bool) -> ProfileResult | None:
        """The recorded numbers to compare `of` with, chosen likewise."""
        records = [r for r in self.results if r.artifact == of.name]
        if not records and alone and len(self.results) == 1:
            records = list(self.results)
        records.sort(key=lambda r: (r.device != "", r.status is not Status.PASSED))
        return records[0] if records else None


def read_baseline(path: Path, known: frozenset[str]) -> Baseline:
    """A profile's JSON, a bundle, or a single artifact.

    The files that a JSON file was measured on may lie beside it; those whose bytes are not among
    the digests `known` of this run are timed again. Where the bytes are the same, only the numbers
    can show whether runtime or machine got slower.

    Raises:
        BadInput: missing, or none of these.
    """
    if path.name.endswith(suffixes()):
        return Baseline(path, artifacts=(files.describe(path),))
    if bundles.is_bundle(path):
        bundle = bundles.read_bundle(path)
        return Baseline(path, bundle.profile, bundle.artifacts)
    results = read_results(path)
    beside = {r.artifact: path.parent / r.artifact for r in results}
    at_hand = [
        files.describe(beside[r.artifact])
        for r in results
        if not r.device
        and r.sha256 not in known
        and beside[r.artifact].exists()
        and sha256(beside[r.artifact]) == r.sha256
    ]
    return Baseline(path, results, tuple(at_hand))


def read_results(path: Path) -> tuple[ProfileResult, ...]:
    """The results in a JSON file that `profile --json` or `run --json` wrote, or of a bundle.

    Raises:
        BadInput: missing, not JSON, or not a profile.
    """
    try:
        data: Any = json.loads(read_text(path))
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        what = "is a folder without a manifest" if path.is_dir() else f"cannot be read: {reason}"
        raise BadInput(f"{path} {what}", "give the JSON of `edgeconv profile --json`") from error
    if isinstance(data, dict):
        data = data.get("profile")
    try:
        if not isinstance(data, list) or not data:
            raise TypeError("not a list of results")
        return tuple(
            ProfileResult.from_json({k: v for k, v in entry.items() if k != "baseline"})
            for entry in data
        )
    except (OverflowError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"{path} does not contain a profile: {error}",
            "give the JSON of `edgeconv profile --json`",
        ) from error


def with_partners(artifacts: Sequence[Artifact], baseline: Baseline) -> list[Artifact | None]:
    """The partner of each artifact, None if only numbers exist."""
    return [baseline.partner(a, len(artifacts) == 1) for a in artifacts]


def compare(
    artifacts: Sequence[Artifact],
    results: Sequence[ProfileResult],
    partners: Sequence[tuple[Artifact, ProfileResult] | None],
    baseline: Baseline,
    limit: float,
    time_again: Timer,
) -> list[Comparison]:
    """One comparison for each artifact that was timed in either run.

    A new file, or one that neither run could time, is left out; if that leaves nothing, every file
    is `not compared`.
    """
    comparisons = []
    alone = len(artifacts) == 1
    for artifact, ours, partner in zip(artifacts, results, partners, strict=True):
        record = baseline.record(artifact, alone)
        if partner is not None and Status.NOT_RUN not in (ours.status, partner[1].status):
            comparisons.append(_paired(artifact, ours, partner, limit, time_again))
        elif record is not None and Status.PASSED in (ours.status, record.status):
            comparisons.append(_recorded(artifact, ours, record, limit, time_again))
    if comparisons:
        return comparisons
    reason = f"{baseline.path} has no timing of this file"
    return [not_compared(ours, reason, limit) for ours in results]


def _paired(
    artifact: Artifact,
    ours: ProfileResult,
    partner: tuple[Artifact, ProfileResult],
    limit: float,
    time_again: Timer,
) -> Comparison:
    file, theirs = partner

    def again() -> Comparison:
        new, old = time_again([artifact, file])
        return compare_paired(new, old, limit)

    return _confirmed(compare_paired(ours, theirs, limit), again)


def _recorded(
    artifact: Artifact,
    ours: ProfileResult,
    record: ProfileResult,
    limit: float,
    time_again: Timer,
) -> Comparison:
    def again() -> Comparison:
        return compare_recorded(time_again([artifact])[0], record, limit)

    return _confirmed(compare_recorded(ours, record, limit), again)


def _confirmed(first: Comparison, again: Callable[[], Comparison]) -> Comparison:
    """`first`, unless it says slower and a repetition does not."""
    if first.change is not Change.SLOWER:
        return first
    for _ in range(CONFIRMATIONS):
        repeated = again()
        if repeated.change is not Change.SLOWER:
            reason = (
                f"a first measurement took {first.ratio:.3g} times as long, a repetition did not"
            )
            return replace(repeated, reason=reason)
    return first
