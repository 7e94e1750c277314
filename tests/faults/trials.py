"""One fault and what came of it, and the file of them."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from .scenarios import Scenario, leftovers, start

LONGEST = 600.0


@dataclass(frozen=True)
class Trial:
    """One fault and what came of it."""

    kind: str
    scenario: str
    number: int
    detail: str
    code: int
    faults: tuple[str, ...]


def environment() -> dict[str, str]:
    """Of the commands."""
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "NO_COLOR": "1", "COLUMNS": "200"}


def faults_of_the_next_run(scenario: Scenario, folder: Path, left: list[str]) -> list[str]:
    """Run the command again where one ended in the middle; `left` is what it has to clean up."""
    again = start(scenario, folder, environment())
    text, _ = again.communicate(timeout=LONGEST)
    faults = []
    if again.returncode:
        faults.append(f"the next run ends with {again.returncode}: {text[-300:]}")
    elif not scenario.whole(folder / "out"):
        faults.append("half a result after the next run")
    if any("-" in name and name.startswith(".out.") for name in left) and "an earlier" not in text:
        faults.append(f"the next run does not say that it cleaned up {left}")
    return faults + [f"left after the next run: {name}" for name in leftovers(folder)]


def read(path: Path) -> list[Trial]:
    """The trials so far."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    entries = map(json.loads, lines)
    return [Trial(**{**entry, "faults": tuple(entry["faults"])}) for entry in entries]


def add(path: Path, trial: Trial) -> None:
    """Append one trial and show what is wrong with it."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(trial)) + "\n")
    for fault in trial.faults:
        sys.stdout.write(f"{trial.kind} {trial.scenario} {trial.number}: {fault}\n")
        sys.stdout.flush()


def table(trials: list[Trial]) -> str:
    """A Markdown table."""
    lines = ["| fault | command | trials | with anything wrong |", "|---|---|---|---|"]
    groups = Counter((trial.kind, trial.scenario) for trial in trials)
    wrong = Counter((trial.kind, trial.scenario) for trial in trials if trial.faults)
    lines += [
        f"| {kind} | `{name}` | {n} | {wrong[kind, name]} |" for (kind, name), n in groups.items()
    ]
    return "\n".join(lines)
