"""Kill a command at a moment, and look at what it leaves."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .scenarios import Scenario, contents, faults_of, leftovers, prepare, start
from .trials import Trial, environment, faults_of_the_next_run


def killed(
    scenario: Scenario, number: int, moment: Moment, source: Path, old: Path | None
) -> Trial:
    """End the command after so many seconds, look at what is left, and run it again."""
    with tempfile.TemporaryDirectory(prefix="kill-") as name:
        folder = Path(name) / "work"
        prepare(folder, source, old)
        before, whole = contents(old) if old else {}, contents(folder)
        count = Path(name) / "count"
        process = start(scenario, folder, {**environment(), **moment.counting(folder, count)})
        moment.wait(process, count)
        faults = [f"a process of it lives on: {left}" for left in survivors(process.pid)]
        faults += faults_of(scenario, folder, before)
        left = leftovers(folder)
        if contents(folder) != whole or left:
            faults += faults_of_the_next_run(scenario, folder, left)
        when = f"change {moment.change}" if moment.change else f"{moment.seconds:.2f} s"
        detail = f"{when}, {'all' if moment.group else 'one'}"
        if left:
            detail += f", left {len(left)}"
        return Trial("kill", scenario.name, number, detail, process.returncode, tuple(faults))


@dataclass(frozen=True)
class Moment:
    """When a command is killed: alone, as by a system out of memory, or with its children.

    Attributes:
        seconds: after its start, at the latest.
        group: its children too.
        change: as soon as it is about to change its folder for the so many-th time; 0: whenever.
        library: counts the changes.
    """

    seconds: float
    group: bool
    change: int = 0
    library: Path | None = None

    def counting(self, folder: Path, count: Path) -> dict[str, str]:
        """Environment of a command that counts its changes."""
        if not self.change:
            return {}
        places = {"FAULT_UNDER": str(folder), "FAULT_COUNT": str(count), "FAULT_AT": "0"}
        return {"LD_PRELOAD": str(self.library), **places}

    def wait(self, process: subprocess.Popen[str], count: Path) -> None:
        """Kill it when the moment has come, unless it ends before."""
        until = time.monotonic() + self.seconds
        step = 0.001 if self.change else self.seconds
        while process.poll() is None and time.monotonic() < until:
            if self.change and count.exists() and count.stat().st_size >= self.change:
                break
            with suppress(subprocess.TimeoutExpired):
                process.wait(step)
        if process.poll() is None:
            self.end(process)

    def end(self, process: subprocess.Popen[str]) -> None:
        (os.killpg if self.group else os.kill)(process.pid, signal.SIGKILL)
        process.wait()


def survivors(group: int, seconds: float = 20.0) -> list[str]:
    """Command lines of processes of a group that do not end by themselves; they are ended."""
    until = time.monotonic() + seconds
    while alive := [path for path in Path("/proc").glob("[0-9]*") if _group_of(path) == group]:
        if time.monotonic() > until:
            words = [(path / "cmdline").read_text().replace("\0", " ")[:200] for path in alive]
            os.killpg(group, signal.SIGKILL)
            return words
        _wait(int(alive[0].name), until - time.monotonic())
    return []


def _wait(process: int, seconds: float) -> None:
    """Wait for the end of a process that is no child of ours."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(process)
        try:
            select.select([handle], [], [], max(seconds, 0))
        finally:
            os.close(handle)


def _group_of(process: Path) -> int:
    """The group of a process that has not ended; 0 for another."""
    try:
        state, _, group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
    except (OSError, ValueError):
        return 0
    return 0 if state == "Z" else int(group)
