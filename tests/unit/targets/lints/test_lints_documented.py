"""The documentation lists the rules that there are."""

from __future__ import annotations

import re

import pytest

from edgeconv.targets.coreai import lints as coreai
from edgeconv.targets.coreml import lints as coreml
from edgeconv.targets.onnx import lints as onnx
from edgeconv.targets.tflite import lints as tflite
from edgeconv.workflows.steps.flexible_lint import NUMBER, RULE
from tests.conftest import ROOT

ROW = re.compile(r"^\| (L\d+) \| `([\w-]+)` \| (error|warning|hint) \|", re.MULTILINE)
TABLES = {
    "Core ML": [(rule.number, rule.name, str(rule.severity)) for rule in coreml.RULES],
    "TFLite": [(rule.number, rule.name, str(rule.severity)) for rule in tflite.RULES],
    "ONNX": [(rule.number, rule.name, str(rule.severity)) for rule in onnx.RULES],
    "Core AI": [(rule.number, rule.name, str(rule.severity)) for rule in coreai.RULES],
}


@pytest.mark.parametrize("heading", TABLES)
def test_every_rule_is_documented_with_its_severity(heading: str) -> None:
    text = (ROOT / "docs" / "reference" / "lints.md").read_text()
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [row for row in ROW.findall(section) if row[1] != RULE]
    assert rows == TABLES[heading]


def test_a_number_means_one_rule_in_every_format() -> None:
    rules = [(rule.number, rule.name) for rule in coreml.RULES]
    rules += [(rule.number, rule.name) for rule in tflite.RULES]
    rules += [(rule.number, rule.name) for rule in onnx.RULES]
    rules += [(rule.number, rule.name) for rule in coreai.RULES]
    names = dict([*rules, (NUMBER, RULE)])
    assert len(names) == len(set(names.values())) == len({*rules, (NUMBER, RULE)})
