"""The documentation lists the rules that there are."""

from __future__ import annotations

import re

import pytest
from tests.conftest import ROOT

from edgeconv.formats.lints import coreml, tflite
from edgeconv.pipeline.flexible import RULE

ROW = re.compile(r"^\| `([\w-]+)` \| (error|warning|hint) \|", re.MULTILINE)
TABLES = {
    "Core ML": [(rule.name, str(rule.severity)) for rule in coreml.RULES],
    "TFLite": [(rule.name, str(rule.severity)) for rule in tflite.RULES],
}


@pytest.mark.parametrize("heading", TABLES)
def test_every_rule_is_documented_with_its_severity(heading: str) -> None:
    text = (ROOT / "docs" / "inspect.md").read_text()
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [row for row in ROW.findall(section) if row[0] != RULE]
    assert rows == TABLES[heading]
