"""Parity results as JUnit XML, for the test view of a CI system."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from edgeconv.core import Check, ParityResult, Status
from edgeconv.reporting import formatting

# Characters that XML 1.0 has no way to write (section 2.2 of the recommendation).
_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(results: Iterable[ParityResult], allow_not_run: bool = False) -> str:
    """One suite an artifact and runtime, one case a check; the same bytes for the same results.

    A check that did not run is an error, so that the CI job fails; with
    `allow_not_run` it is skipped.
    """
    root = ET.Element("testsuites", name="edgeconv parity")
    for result in results:
        _suite(root, result, "skipped" if allow_not_run else "error")
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, 0)) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def render_junit_refusal(message: str, hint: str = "") -> str:
    """For a check that could not begin: one error, so that a CI that reads nothing else is red."""
    counts = {"tests": "1", "failures": "0", "errors": "1", "skipped": "0"}
    root = ET.Element("testsuites", {"name": "edgeconv parity", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": "edgeconv parity", **counts})
    case = ET.SubElement(suite, "testcase", name="parity", classname="edgeconv parity")
    ET.SubElement(case, "error", message=_clean(f"{message} ({hint})" if hint else message))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _suite(root: ET.Element, result: ParityResult, not_run: str) -> None:
    name = _clean(f"{result.artifact} on {result.runtime or 'no runtime'}")
    suite = ET.SubElement(root, "testsuite", name=name)
    checks = list(result.checks)
    explained = result.status is Status.PASSED or result.status in {c.status for c in checks}
    if not checks or not explained:
        checks.append(Check("parity", result.status, None, None, "<=", result.reason))
    for check in checks:
        case = ET.SubElement(suite, "testcase", name=_clean(check.name), classname=name)
        kind = {Status.FAILED: "failure", Status.NOT_RUN: not_run}.get(check.status)
        if kind:
            ET.SubElement(case, kind, message=_clean(_message(check)))
    suite.set("tests", str(len(checks)))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{tag}"))))


def _message(check: Check) -> str:
    text = check.reason or formatting.STATUS[check.status]
    if check.value is None or check.limit is None:
        return text
    return (
        f"{check.name} is {formatting.number(check.value)}, must be {check.direction} "
        f"{formatting.number(check.limit)}: {text}"
    )


def _clean(text: str) -> str:
    return _ILLEGAL.sub("�", text)
