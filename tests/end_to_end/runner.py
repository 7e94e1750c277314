"""A stand-in for GitHub's runner: runs the shell steps of a workflow with what a runner gives them.

Actions of others (`actions/checkout` …) are not run, their inputs are noted. An action of our own
(`uses: ./FOLDER`) is run step by step. Only the expressions that our files use are known.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Step = Mapping[str, Any]
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_COMPARISON = re.compile(r"([\w.-]+) (==|!=) '(.*)'")


@dataclass
class Runner:
    """One job in `workspace`.

    Attributes:
        without: names of steps that are left out, for they install what is installed.
        inputs: overrides of an action's inputs.
        used: the actions of others, with their inputs.
    """

    workspace: Path
    temporary: Path
    without: frozenset[str] = frozenset()
    inputs: Mapping[str, str] = field(default_factory=dict)
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    log: str = ""

    @property
    def summary(self) -> str:
        file = self.temporary / "summary.md"
        return file.read_text("utf-8") if file.is_file() else ""

    def job(self, workflow: Path, name: str) -> int:
        """The exit code of the first step that fails, else 0."""
        return self.steps(read(workflow)["jobs"][name]["steps"], {}, None)

    def steps(self, steps: list[Step], known: dict[str, str], action: Path | None) -> int:
        """The same for steps that know the values of expressions, and add those of outputs."""
        code = 0
        for step in steps:
            wanted = self._wanted(step.get("if", ""), known, failed=code != 0)
            if wanted and step.get("name") not in self.without:
                code = self._step(step, known, action) or code
        return code

    def _step(self, step: Step, known: dict[str, str], action: Path | None) -> int:
        given = {key: expand(str(value), known) for key, value in step.get("with", {}).items()}
        if "run" in step:
            return self._shell(step, known, action)
        if step["uses"].startswith("./"):
            folder = self.workspace / step["uses"]
            declared = read(folder / "action.yml")
            defaults = {k: str(v.get("default", "")) for k, v in declared["inputs"].items()}
            assert set(given) <= set(defaults), "the action has no such input"
            chosen = {**defaults, **given, **self.inputs}
            inner = {f"inputs.{key}": value for key, value in chosen.items()}
            code = self.steps(declared["runs"]["steps"], inner, folder)
            for name, output in declared["outputs"].items():
                known[f"steps.{step.get('id')}.outputs.{name}"] = expand(output["value"], inner)
            return code
        self.used.append((step["uses"], given))
        return 0

    def _shell(self, step: Step, known: dict[str, str], action: Path | None) -> int:
        script, output = self.temporary / "step.sh", self.temporary / "output"
        script.write_text(expand(step["run"], known), "utf-8")
        output.write_text("", "utf-8")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env=self._environment(step, known, action, output),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        self.log += done.stdout + done.stderr
        for line in output.read_text("utf-8").splitlines():
            name, _, value = line.partition("=")
            known[f"steps.{step['id']}.outputs.{name}"] = value
        return done.returncode

    def _environment(
        self, step: Step, known: Mapping[str, str], action: Path | None, output: Path
    ) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "GITHUB_"))}
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.temporary / "summary.md"),
            "GITHUB_ACTION_PATH": str(action or ""),
            "RUNNER_TEMP": str(self.temporary),
            "PRE_COMMIT_HOME": str(self.temporary / "pre-commit"),
            **{key: expand(str(value), known) for key, value in step.get("env", {}).items()},
        }

    def _wanted(self, condition: str, known: Mapping[str, str], failed: bool) -> bool:
        """Without a condition, a step runs where none before it failed."""
        if not condition:
            return not failed
        match = _EXPRESSION.fullmatch(condition)
        terms = (match.group(1) if match else condition).split(" && ")
        always = "!cancelled()" in terms
        return (always or not failed) and all(
            compare(term, known) for term in terms if term != "!cancelled()"
        )


def read(path: Path) -> Any:
    """A YAML file."""
    return yaml.safe_load(path.read_text("utf-8"))


def expand(text: str, known: Mapping[str, str]) -> str:
    """`${{ inputs.x }}` and `${{ steps.y.outputs.z }}` replaced; what a runner would look up
    elsewhere (`vars`, `github`) stays empty."""
    return _EXPRESSION.sub(lambda found: known.get(found.group(1), ""), text)


def compare(term: str, known: Mapping[str, str]) -> bool:
    """`inputs.x == 'y'` or `!=`."""
    match = _COMPARISON.fullmatch(term)
    assert match, f"an expression that this runner does not know: {term}"
    name, relation, value = match.groups()
    return (known.get(name, "") == value) is (relation == "==")
