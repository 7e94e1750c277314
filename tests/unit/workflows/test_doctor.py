"""`edgeconv doctor`: every extra, every tool, each with what installs it."""

from __future__ import annotations

import re
import shutil
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from edgeconv.workflows import doctor
from tests.conftest import ROOT


def test_diagnose_knows_every_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    declared = {
        name: {re.split(r"[<>=; ]", requirement)[0] for requirement in requirements}
        for name, requirements in extras.items()
        if name != "all"  # the others together
    }
    assert {name: set(packages) for name, packages in doctor.EXTRAS.items()} == declared


def test_diagnose_names_what_installs_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    findings = {finding.name: finding for finding in doctor.diagnose()}
    missing = [f for f in findings.values() if f.status == "missing"]
    assert {"tensorflow", "optuna", "ray", "adb", "npm", "swift", "LiteRT.js"} <= {
        f.name for f in missing
    }
    assert [f.name for f in missing if not f.fix or not f.purpose] == []
    assert findings["optuna"].fix == "pip install 'edgeconv[search]'"
    assert {f.name for f in missing if f.required} == set(doctor.REQUIRED)


def test_version_of_a_tool(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\necho 'tool (Package 1) v12.34.5 and more' >&2\n")
    program.chmod(0o755)
    assert doctor._version(str(program), doctor.TOOLS[0]) == "12.34.5"


def test_version_of_a_tool_that_cannot_start(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.write_text("no program")
    assert doctor._version(str(program), doctor.TOOLS[0]) == ""
