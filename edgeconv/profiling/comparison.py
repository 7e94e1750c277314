"""Decides whether a file is slower than its baseline, if the samples are sufficient.

A difference is reported if the whole 99 % interval of the ratio of medians lies beyond the limit.
An interval that contains the limit is `unclear`, which is not a failure.
"""

from __future__ import annotations

from math import isfinite
from statistics import median

from edgeconv.core import (
    Change,
    Comparison,
    MachineInfo,
    ProfileResult,
    Status,
)
from edgeconv.errors import UsageError
from edgeconv.profiling.statistics import Ratio, paired_ratio, separate_ratio

LEVEL = 0.99
MAX_SLOWDOWN = 0.05
# How far two runs of the same file on the same machine may differ beyond their own intervals and
# the calibration kernels (docs/measurements/profile.md).
BETWEEN_RUNS = 0.15

PAIRED = "both timed interleaved in this run"
RECORDED = "numbers of an earlier run"
_UNCLEAR = {
    PAIRED: "too little evidence: use more --num-runs, or a quieter machine",
    RECORDED: "no difference beyond that of two runs of one file (if the files exist, they are "
    "timed interleaved, which resolves smaller ones)",
}
_MACHINE = ("processor", "architecture", "cores")


def limit_of(max_slowdown: float) -> float:
    """The largest allowed ratio: 1.05 for a slowdown of 5 %.

    Raises:
        UsageError: `max_slowdown` is negative.
    """
    if not max_slowdown >= 0:
        raise UsageError(
            f"--max-slowdown {max_slowdown:g} is negative", "give a fraction, for example 0.05"
        )
    return 1 + max_slowdown


def compare_paired(ours: ProfileResult, theirs: ProfileResult, limit: float) -> Comparison:
    """Two files that were timed interleaved in one run of this process."""
    ratio = paired_ratio(ours.by_round, theirs.by_round, LEVEL)
    return _comparison(ours, theirs, ratio, limit, PAIRED)


def compare_recorded(ours: ProfileResult, theirs: ProfileResult, limit: float) -> Comparison:
    """A file against the record of an earlier run.

    The machine may have been in another state then. So the ratio is computed three times, directly
    and in units of each calibration kernel, which was timed beside every round of both runs; the
    interval spans all three and is widened by BETWEEN_RUNS.
    """
    reason = mismatch(ours, theirs)
    if reason:
        return not_compared(ours, reason, limit, theirs.artifact)
    ratios = [_ratio(ours, theirs, kernel) for kernel in (None, *_kernels(ours, theirs))]
    spread = 1 + BETWEEN_RUNS
    low, high = min(r.low for r in ratios) / spread, max(r.high for r in ratios) * spread
    return _comparison(ours, theirs, Ratio(ratios[0].estimate, low, high), limit, RECORDED)


def not_compared(ours: ProfileResult, reason: str, limit: float, baseline: str = "") -> Comparison:
    """The result of a file that could not be compared with its baseline, with the reason."""
    return Comparison(ours.artifact, baseline, Change.NOT_COMPARED, limit, reason=reason)


def mismatch(ours: ProfileResult, theirs: ProfileResult) -> str:
    """The reason why the times of two results are not comparable; empty if they are."""
    for result, which in ((theirs, "in the baseline"), (ours, "here")):
        if result.status is not Status.PASSED:
            return f"the file was not timed {which}: {result.reason}"
    for name, here, there in _conditions(ours, theirs):
        if here != there:
            return f"the baseline was timed with {name} {there or 'unknown'}, this is {here}"
    return ""


def _conditions(ours: ProfileResult, theirs: ProfileResult) -> list[tuple[str, str, str]]:
    """(name, here, there) of all conditions that must agree."""
    conditions = [("device", ours.device or "this machine", theirs.device or "this machine")]
    conditions += [(k, _text(ours.machine, k), _text(theirs.machine, k)) for k in _MACHINE]
    conditions.append(("system", _system(ours.machine), _system(theirs.machine)))
    conditions.append(("runtime", ours.runtime, theirs.runtime))
    conditions.append(("kernels", ours.kernels, theirs.kernels or ours.kernels))
    conditions.append(("threads", str(ours.threads), str(theirs.threads)))
    return conditions


def _text(machine: MachineInfo, key: str) -> str:
    return str(machine.facts().get(key, ""))


def _system(machine: MachineInfo) -> str:
    """`Linux` of `Linux 6.1`: another kernel release is the same machine."""
    return _text(machine, "system").partition(" ")[0]


def _kernels(ours: ProfileResult, theirs: ProfileResult) -> list[str]:
    """Calibration kernels that both runs timed in each of their rounds."""
    return [
        name
        for name in ours.reference_us
        if len(ours.reference_us[name]) == len(ours.by_round)
        and len(theirs.reference_us.get(name, ())) == len(theirs.by_round)
    ]


def _ratio(ours: ProfileResult, theirs: ProfileResult, kernel: str | None) -> Ratio:
    """Ratio of the rounds' medians, in microseconds or in units of a calibration kernel."""
    return separate_ratio(_in_units(ours, kernel), _in_units(theirs, kernel), LEVEL)


def _in_units(result: ProfileResult, kernel: str | None) -> list[float]:
    rounds = [median(samples) for samples in result.by_round]
    if kernel is None:
        return rounds
    return [us / unit for us, unit in zip(rounds, result.reference_us[kernel], strict=True)]


def _comparison(
    ours: ProfileResult, theirs: ProfileResult, ratio: Ratio, limit: float, samples: str
) -> Comparison:
    change = _change(ratio, limit)
    return Comparison(
        artifact=ours.artifact,
        baseline=theirs.artifact,
        change=change,
        limit=limit,
        ratio=ratio.estimate,
        low=ratio.low,
        high=ratio.high if isfinite(ratio.high) else None,
        samples=samples,
        reason=_UNCLEAR[samples] if change is Change.UNCLEAR else "",
    )


def _change(ratio: Ratio, limit: float) -> Change:
    if ratio.low > limit:
        return Change.SLOWER
    if ratio.high < 1 / limit:
        return Change.FASTER
    if ratio.low >= 1 / limit and ratio.high <= limit:
        return Change.SAME
    return Change.UNCLEAR
