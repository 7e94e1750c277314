"""The documentation lists the rules that there are."""

from __future__ import annotations

import re

import pytest

from edgeconv.targets.coreml import lints as coreml
from edgeconv.targets.tflite import lints as tflite
from edgeconv.workflows.steps.flexible_lint import RULE
from tests.conftest import ROOT

ROW = re.compile(r"^\| `([\w-]+)` \| (error|warning|hint) \|", re.MULTILINE)
TABLES = {
    "Core ML": [(rule.name, str(rule.severity)) for rule in coreml.RULES],
    "TFLite": [(rule.name, str(rule.severity)) for rule in tflite.RULES],
}


@pytest.mark.parametrize("heading", TABLES)
def test_every_rule_is_documented_with_its_severity(heading: str) -> None:
    text = (ROOT / "docs" / "reference" / "lints.md").read_text()
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [row for row in ROW.findall(section) if row[0] != RULE]
    assert rows == TABLES[heading]
