"""Numbered rules that look at recordings before anything is trained or judged with them.

A rule is a function from a data set to its findings. A new one is a function in a module of this
folder and a line in `RULES`; `docs/reference/data-rules.md` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from edgeconv.core import NULL_PROGRESS, Dataset, Progress, Signal
from edgeconv.core.dataset import DataFinding, DataSeverity, let_go
from edgeconv.datasets.rules import (
    balance,
    calibration,
    channels,
    contract,
    gravity,
    labels,
    other_sensors,
)
from edgeconv.errors import BadInput, UsageError

Find = Callable[[Dataset], list[DataFinding]]


@dataclass(frozen=True)
class DataRule:
    """One rule: its number, the worst it can find, what it is about, and the function.

    `find` is None where a data set alone breaks nothing: `check_contract` finds it.
    """

    number: str
    severity: DataSeverity
    about: str
    find: Find | None


_ERROR, _WARNING = DataSeverity.ERROR, DataSeverity.WARNING
_HINT = DataSeverity.HINT
RULES: tuple[DataRule, ...] = (
    DataRule("D101", _ERROR, "gravity has the length of another unit", gravity.wrong_unit),
    DataRule("D102", _ERROR, "gravity is missing", gravity.missing_gravity),
    DataRule("D103", _WARNING, "gravity points both ways in one class", gravity.mixed_signs),
    DataRule("D104", _ERROR, "a gyroscope's unit is wrong", other_sensors.rotation_unit),
    DataRule("D105", _ERROR, "a gyroscope turns steadily", other_sensors.steady_rotation),
    DataRule("D106", _WARNING, "a magnetometer's unit is wrong", other_sensors.magnetic_unit),
    DataRule("D107", _ERROR, "linear acceleration holds gravity", gravity.present_gravity),
    DataRule("D108", _ERROR, "m/s² and g are mixed in one subject", gravity.mixed_units),
    DataRule("D109", _ERROR, "the readings were standardized", gravity.standardized),
    DataRule(contract.RULE, _ERROR, contract.ABOUT, None),
    DataRule("D111", _WARNING, "gravity is wrong in one class", gravity.other_length),
    DataRule("D112", _WARNING, "gravity lies on another axis", gravity.other_axis),
    DataRule("D201", _WARNING, "an axis never changes", channels.dead_axes),
    DataRule("D202", _WARNING, "all axes stand still for a second or more", channels.frozen),
    DataRule("D203", _WARNING, "all axes are exactly 0", channels.zeros),
    DataRule("D204", _ERROR, "two sensors alternate inside a recording", channels.interleaved),
    DataRule("D205", _HINT, "readings end at the range of the sensor", channels.saturated),
    DataRule("D206", _ERROR, "two axes carry the same readings", channels.doubled),
    DataRule("D207", _WARNING, "one axis stands still while others move", channels.frozen_axis),
    DataRule("D208", _HINT, "a sensor has an offset or a wrong scale", calibration.offsets),
    DataRule("D209", _WARNING, "no axis ever comes near 0", channels.no_zero),
    DataRule("D301", _WARNING, "samples occur more than once", balance.repeated),
    DataRule("D302", _HINT, "only one subject recorded a class", balance.lonely_classes),
    DataRule("D303", _HINT, "the test hangs on one subject", balance.lopsided_test),
    DataRule("D304", _HINT, "subjects have different sampling rates", balance.different_rates),
    DataRule("D305", _WARNING, "gaps leave many short recordings", balance.many_pieces),
    DataRule("D306", _WARNING, "two names differ by one letter", balance.near_names),
    DataRule("D308", _WARNING, "each subject recorded one class only", balance.single_classes),
    DataRule(labels.RULE, _HINT, labels.ABOUT, None),
)


MANY_SAMPLES = 1_000_000
"""From here on, checking them takes long enough to be shown."""
UNIT_RULES = ("D101", "D102", "D104", "D107", "D108", "D109", contract.RULE)
"""What `--assume-units` accepts: units and gravity are those that were declared."""


def check_recordings(dataset: Dataset, progress: Progress = NULL_PROGRESS) -> list[DataFinding]:
    """What the rules find in a data set, the gravest first."""
    order = list(DataSeverity)
    findings: list[DataFinding] = []
    large = sum(len(recording.samples) for recording in dataset.recordings) > MANY_SAMPLES
    if large:
        progress.stage("Checking the recordings")
    for done, rule in enumerate(RULES, 1):
        findings += rule.find(dataset) if rule.find else []
        let_go(dataset.recordings)
        if large:
            progress.update(done, len(RULES), f"rules, {rule.number}: {rule.about}")
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def check_rules(numbers: Collection[str]) -> None:
    """Raises UsageError for a number that is no rule's."""
    known = [rule.number for rule in RULES]
    if unknown := [number for number in numbers if number not in known]:
        raise UsageError(f"no rule {unknown[0]}", f"choose from: {', '.join(known)}")


def check_contract(signal: Signal, dataset: Dataset, where: str) -> None:
    """Refuse a data set whose readings are not what a model's contract says.

    Args:
        signal: the contract of a model or file.
        dataset: the windows that it is to get.
        where: names the model in messages.

    Raises:
        BadInput: channels, rate, unit or gravity differ, and the rule is not allowed.
    """
    contract.refuse_other_windows(signal, dataset, where)
    refuse_errors(dataset, contract.contradictions(signal, dataset, where), dataset.report.allow)


def refuse_errors(
    dataset: Dataset, findings: Collection[DataFinding], allow: Collection[str]
) -> None:
    """Raises BadInput where an error was found whose rule is not allowed."""
    errors = [f for f in findings if f.severity is DataSeverity.ERROR and f.rule not in allow]
    if not errors:
        return
    first = errors[0]
    more = f"; and {len(errors) - 1} more: edgeconv data check lists them" if errors[1:] else ""
    accept = f"--allow {first.rule}"
    if first.rule in UNIT_RULES:
        accept += " or --assume-units"
    raise BadInput(
        f"{dataset.report.source}: {first.rule}: {first.where}: {first.text}{more}",
        f"{first.cure}; if the data are right: {accept}",
    )
