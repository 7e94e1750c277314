"""Lints: what is wrong, or could be better, in a model file, read from the file alone.

A rule is one row of a literal table and one function from the file's view to the places that break
it. The tables are `coreml.RULES` and `tflite.RULES`.
"""

from __future__ import annotations

from pathlib import Path

from edgeconv.formats.artifact import target_of
from edgeconv.formats.lints import coreml, tflite
from edgeconv.formats.lints.coreml.package import Package
from edgeconv.formats.lints.rule import Finding, Rule, Severity, apply
from edgeconv.formats.lints.tflite.file import TFLiteFile
from edgeconv.formats.mlpackage import refusing
from edgeconv.types import Target

__all__ = ["Finding", "Rule", "Severity", "lint"]


def lint(path: Path) -> list[Finding]:
    """What the rules find in a `.tflite` or `.mlpackage`, the gravest first.

    Raises:
        BadInput: missing, damaged, or neither of the two.
    """
    if target_of(path) is Target.TFLITE:
        return apply(tflite.RULES, TFLiteFile(path))
    with refusing(path):
        return apply(coreml.RULES, Package(path))
