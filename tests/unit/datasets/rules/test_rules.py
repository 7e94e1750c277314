"""Contract of the data rules: each is triggered by one table and silent on a sound one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core.dataset import DataSeverity
from edgeconv.datasets import load_dataset
from edgeconv.datasets.rules import RULES, check_recordings
from edgeconv.errors import BadInput
from tests.unit.datasets.tables.made import Row, people, walk, write

Change = Callable[[int, Row], Row]


def changed(change: Change, rows: list[Row] | None = None) -> list[Row]:
    return [change(n, row) for n, row in enumerate(rows if rows is not None else people(4))]


def scaled(row: Row, factor: float) -> Row:
    return Row(row.subject, row.activity, row.time, row.x * factor, row.y * factor, row.z * factor)


def frozen_reading(n: int, row: Row) -> Row:
    if row.subject != "p2" or row.time < 3:
        return row
    return Row(row.subject, row.activity, row.time, 0.5, 9.6, 1.0)


def alternating(n: int, row: Row) -> Row:
    return row if n % 2 else Row(row.subject, row.activity, row.time, row.y, row.z, row.x)


# A sensor that ends at 17 m/s²: most peaks of a walk are cut off.
SATURATED = [
    replace(r, y=min(4 * (r.y - 9.7) + 9.7, 17.0)) if r.activity == "Walking" else r
    for r in people(4, seconds=20)
]

_READINGS = np.array([(r.x, r.y, r.z) for r in people(4)])
STANDARDIZED = [
    Row(r.subject, r.activity, r.time, *map(float, values))
    for r, values in zip(
        people(4), (_READINGS - _READINGS.mean(axis=0)) / _READINGS.std(axis=0), strict=True
    )
]

TRIGGERS: dict[str, list[Row]] = {
    "D101": changed(lambda _, r: scaled(r, 1 / 9.80665) if r.subject == "p4" else r),
    "D102": changed(
        lambda _, r: (
            Row(r.subject, r.activity, r.time, r.x, r.y - 9.7, r.z - 1.2)
            if r.activity == "Walking"
            else Row(r.subject, r.activity, r.time, r.x - 0.3, r.y - 0.4, r.z - 9.79)
        )
    ),
    "D103": changed(lambda _, r: scaled(r, -1) if r.subject in ("p3", "p4") else r),
    "D108": [*people(4), *(replace(scaled(r, 1 / 9.80665), time=r.time + 100) for r in people(4))],
    "D109": STANDARDIZED,
    "D111": changed(
        lambda _, r: Row(r.subject, r.activity, r.time, r.x, r.y + 4, r.z), people(4, seconds=20)
    ),
    "D112": changed(
        lambda _, r: Row(r.subject, r.activity, r.time, r.z, r.x, r.y) if r.subject == "p2" else r
    ),
    "D201": changed(lambda _, r: Row(r.subject, r.activity, r.time, 0.0, r.y, r.z)),
    "D202": changed(frozen_reading),
    "D204": changed(alternating, walk("p1", seconds=20) + walk("p2", seconds=20)),
    "D205": SATURATED,
    "D206": changed(lambda _, r: Row(r.subject, r.activity, r.time, r.x, r.y, r.y)),
    "D207": changed(
        lambda n, r: (
            r
            if r.subject != "p2" or r.time < 3
            else Row(r.subject, r.activity, r.time, 0.37, r.y, r.z)
        )
    ),
    "D209": changed(lambda _, r: replace(r, x=10 + r.x / 3, y=10 + r.y / 3, z=10 + r.z / 3)),
    "D308": changed(lambda _, r: replace(r, subject=f"{r.subject} {r.activity}")),
    "D301": [*people(3), *(replace(r, subject="p9") for r in walk("p1"))],
    "D303": people(3),
    "D304": [*people(3), *walk("p4", rate_hz=50.0), *walk("p4", "Sitting", rate_hz=50.0)],
    "D306": [*people(3), *(replace(r, activity="Walkng") for r in walk("p2", "Jump"))],
    "D302": [*people(3), *(replace(r, activity="Jumping") for r in walk("p2", "Jump"))],
}
# Only a loader of another data set can bring rows of zeros: those of a table are left out before.
# What contradicts a model is found beside a model: test_contract.py.
# Other sensors and calibration have tests of their own.
NOT_BY_A_TABLE = {"D203", "D305", "D307", "D110", "D104", "D105", "D106", "D107", "D208"}

ERRORS = {rule.number for rule in RULES if rule.severity is DataSeverity.ERROR}


def test_every_rule_has_a_trigger() -> None:
    assert set(TRIGGERS) | NOT_BY_A_TABLE == {rule.number for rule in RULES}


@pytest.mark.parametrize("number", TRIGGERS)
def test_rule_is_triggered(tmp_path: Path, number: str) -> None:
    # rows of two sensors are refused while a table is read, unless that is allowed
    toml = 'allow = ["D204"]' if number == "D204" else ""
    data = load_dataset(f"csv:{write(tmp_path / 'a.csv', TRIGGERS[number], toml)}", refuse=False)
    findings = {finding.rule: finding for finding in check_recordings(data)}
    assert number in findings
    rule = next(rule for rule in RULES if rule.number == number)
    assert findings[number].severity is rule.severity
    assert findings[number].where
    assert findings[number].cure


def test_a_sound_table_has_no_findings(tmp_path: Path) -> None:
    data = load_dataset(f"csv:{write(tmp_path / 'a.csv', people(4, seconds=20))}")
    assert [finding.rule for finding in data.report.findings] == ["D303"]  # one subject is the test


@pytest.mark.parametrize("number", [n for n in TRIGGERS if n in ERRORS])
def test_an_error_stops_loading_unless_it_is_allowed(tmp_path: Path, number: str) -> None:
    file = write(tmp_path / "a.csv", TRIGGERS[number])
    with pytest.raises(BadInput, match=number):
        load_dataset(f"csv:{file}")
    (tmp_path / "a.csv.toml").write_text(f'allow = ["{number}"]')
    assert len(load_dataset(f"csv:{file}"))


def test_zeros_are_found_in_other_data_sets(tmp_path: Path) -> None:
    data = load_dataset(f"csv:{write(tmp_path / 'a.csv', people(3))}")
    data.recordings[0].samples[20:60] = 0
    assert "D203" in [finding.rule for finding in check_recordings(data)]


def test_the_cure_of_a_wrong_unit_works(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", TRIGGERS["D101"])
    (finding,) = [
        f for f in load_dataset(f"csv:{file}", refuse=False).report.findings if f.rule == "D101"
    ]
    assert finding.where == "subject p4"
    (tmp_path / "a.csv.toml").write_text('[subjects.p4]\nunit = "g"')
    assert [f.rule for f in load_dataset(f"csv:{file}").report.findings] == ["D303"]
