"""The table of rules for model files, over every target."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edgeconv.cli.app import run_app
from edgeconv.core import Severity
from edgeconv.targets.base import all_targets
from edgeconv.targets.hazards import HAZARDS, Hazard
from edgeconv.targets.lints import Rule
from tests.conftest import ROOT
from tests.json_schemas import valid

RULES = [(target.name, rule) for target in all_targets() for rule in target.reader.rules]


def test_every_target_has_rules_and_none_twice() -> None:
    for target in all_targets():
        numbers = [rule.number for rule in target.reader.rules]
        assert numbers
        assert len(numbers) == len(set(numbers))


def test_every_hazard_is_found_by_some_target() -> None:
    assert set(HAZARDS) == {rule.number for _, rule in RULES}
    names = [hazard.name for hazard in HAZARDS.values()]
    assert len(names) == len(set(names))


def test_the_gravest_rules_stand_first() -> None:
    order = list(Severity)
    for target in all_targets():
        severities = [order.index(rule.severity) for rule in target.reader.rules]
        assert severities == sorted(severities)


@pytest.mark.parametrize("number", HAZARDS)
def test_a_source_is_a_page_that_there_is_or_a_public_address(number: str) -> None:
    source = HAZARDS[number].source
    if not re.match(r"https://\S+$", source):
        assert (ROOT / source).is_file()


def test_texts_are_phrases_that_a_person_can_read() -> None:
    for _, rule in RULES:
        for text in (rule.hazard.symptom, rule.detection, rule.cure):
            assert not text.endswith(".")
            assert "  " not in text
            assert len(text) > 10


def test_a_record_without_its_parts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"L1\.\. to L7"):
        Hazard("X101", "name", "symptom", "docs/index.md")
    with pytest.raises(ValueError, match="symptom"):
        Hazard("L199", "name", "", "docs/index.md")
    with pytest.raises(ValueError, match="no hazard"):
        Rule[Path]("L199", Severity.HINT, "something", None, "do this")
    with pytest.raises(ValueError, match="cure"):
        Rule[Path]("L102", Severity.HINT, "something", None, "")


def test_doctor_lists_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["doctor", "--rules", "--json", str(tmp_path / "rules.json")]) == 0
    document = valid(json.loads((tmp_path / "rules.json").read_text("utf-8")))
    listed = [(row["target"], row["number"]) for row in document["rules"]]
    assert sorted(listed) == sorted((target, rule.number) for target, rule in RULES)
    shown = capsys.readouterr().out
    assert all(number in shown for number in HAZARDS)
