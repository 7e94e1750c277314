"""Lints: what is wrong, or could be better, in a model file, read from the file alone.

A rule is one row of a literal table and one function from the file's view to the places that break
it. The tables are `coreml.RULES` and `tflite.RULES`.
"""

from __future__ import annotations

from pathlib import Path

from edgeconv.core import Target
from edgeconv.targets.coreml import lints as coreml
from edgeconv.targets.coreml.lints.package import Package
from edgeconv.targets.coreml.package import refusing
from edgeconv.targets.files import target_of
from edgeconv.targets.lints.rule import Finding, Rule, Severity, apply
from edgeconv.targets.tflite import lints as tflite
from edgeconv.targets.tflite.lints.file import TFLiteFile

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
