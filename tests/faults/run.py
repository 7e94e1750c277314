"""The written runs: kills at random moments, and every write failing in turn.

    python -m tests.faults.run kills OUT.jsonl [--moments 200] [--seed 1] [--only export]
    python -m tests.faults.run states OUT.jsonl [--only export] [--every 10] [--first 1]
    python -m tests.faults.run writes OUT.jsonl [--only integrate] [--every 1]
    python -m tests.faults.run table OUT.jsonl

After a kill `out` has to be what it was or a whole new result, and the same command run again has
to succeed, say what it cleaned up, and leave nothing beside it. `states` runs a command once and
copies its folder before each write, rename or new folder: every state that a kill could leave is
judged (or those from a number on), and from every so many-th the command is run again. After a
failing write the command also has to say what failed, in a line without a stack trace. Called
again, a run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import errno
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .kills import Moment, killed
from .scenarios import (
    ARCHIVE,
    SCENARIOS,
    Scenario,
    contents,
    faults_of,
    leftovers,
    prepare,
    start,
    write_archive,
)
from .trials import LONGEST, Trial, add, environment, faults_of_the_next_run, read, table

SOURCE = Path(__file__).with_name("failing_disk.c")
ERRORS = (errno.ENOSPC, errno.EIO)


def states(
    scenario: Scenario,
    every: int,
    source: Path,
    old: Path | None,
    library: Path,
    first: int = 1,
) -> Iterator[Trial]:
    """Judge the folder as it is before each call that changes it, and run again from some."""
    with tempfile.TemporaryDirectory(prefix="states-") as name:
        folder, copies = Path(name) / "work", Path(name) / "states"
        copies.mkdir()
        prepare(folder, source, old)
        before = contents(old) if old else {}
        shim = {
            "LD_PRELOAD": str(library),
            "FAULT_UNDER": str(folder),
            "FAULT_COUNT": str(Path(name) / "count"),
            "FAULT_AT": "0",
            "FAULT_STATES": str(copies),
            "FAULT_FIRST": str(first),
        }
        process = start(scenario, folder, {**environment(), **shim})
        text, _ = process.communicate(timeout=10 * LONGEST)
        if process.returncode:
            raise RuntimeError(f"{scenario.name} does not run without a fault: {text}")
        for copy in sorted(copies.iterdir()):
            number = int(copy.name)
            faults, left = faults_of(scenario, copy, before), leftovers(copy)
            again = number % every == 0
            if again:
                faults += faults_of_the_next_run(scenario, copy, left)
            detail = f"left {len(left)}{', run again' if again else ''}"
            yield Trial("state", scenario.name, number, detail, 0, tuple(faults))


def failing(
    scenario: Scenario, number: int, error: int, source: Path, old: Path | None, library: Path
) -> Trial | None:
    """Let the write of this number fail; None if the command does not write so often."""
    with tempfile.TemporaryDirectory(prefix="fail-") as name:
        folder, count = Path(name) / "work", Path(name) / "count"
        prepare(folder, source, old)
        before = contents(old) if old else {}
        shim = {
            "LD_PRELOAD": str(library),
            "FAULT_UNDER": str(folder),
            "FAULT_COUNT": str(count),
            "FAULT_AT": str(number),
            "FAULT_ERRNO": str(error),
        }
        process = start(scenario, folder, {**environment(), **shim})
        text, _ = process.communicate(timeout=LONGEST)
        if not count.exists() or count.stat().st_size < number:
            return None
        faults = faults_of(scenario, folder, before)
        if "Traceback" in text:
            faults.append(f"a stack trace: {text[-600:]}")
        elif process.returncode not in (0, 3):
            faults.append(f"exit code {process.returncode}: {text[-300:]}")
        elif process.returncode and "error:" not in text:
            faults.append(f"no message: {text[-300:]}")
        left = leftovers(folder)
        if left and not scenario.replaces:  # what it goes on with
            faults += faults_of_the_next_run(scenario, folder, left)
        else:
            faults += [f"left: {name}" for name in left]
        detail = errno.errorcode[error]
        return Trial("write", scenario.name, number, detail, process.returncode, tuple(faults))


def compile_shim(folder: Path) -> Path:
    """The library to preload."""
    library = folder / "failing_disk.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


def old_results(folder: Path, chosen: Sequence[Scenario]) -> tuple[Path, dict[str, Result]]:
    """The source bundle, and for each command a finished result that stands there before."""
    from tests.nine_channels import build_bundle

    source = folder / "source"
    if not source.exists():
        write_archive(folder / ARCHIVE)
        build_bundle(folder / "building")
        shutil.copytree(folder / "building", source)
    old = {}
    for scenario in chosen:
        old[scenario.name] = Result(folder / scenario.name)
        if not old[scenario.name].stopwatch.exists():
            shutil.rmtree(folder / scenario.name, ignore_errors=True)
            prepare(folder / scenario.name, source, None)
            started = time.monotonic()
            process = start(scenario, folder / scenario.name, environment())
            text, _ = process.communicate()
            if process.returncode:
                raise RuntimeError(f"{scenario.name} does not run without a fault: {text}")
            old[scenario.name].stopwatch.write_text(str(time.monotonic() - started))
    return source, old


@dataclass(frozen=True)
class Result:
    """What a command wrote without a fault, and how long it took."""

    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def stopwatch(self) -> Path:
        return self.folder / "seconds"

    @property
    def seconds(self) -> float:
        return float(self.stopwatch.read_text())


def main() -> int:
    parser = argparse.ArgumentParser(description="kills and failing writes")
    parser.add_argument("kind", choices=("kills", "states", "writes", "table"))
    parser.add_argument("out", type=Path, help="JSON lines, one a trial")
    parser.add_argument("--moments", type=int, default=200, help="kills in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="the name of one command")
    parser.add_argument("--aim", type=int, default=0, help="kill at one of so many first changes")
    parser.add_argument("--every", type=int, default=1, help="only every so many-th write or rerun")
    parser.add_argument("--first", type=int, default=1, help="number of the first state judged")
    options = parser.parse_args()
    trials = read(options.out)
    if options.kind == "table":
        sys.stdout.write(table(trials) + "\n")
        return 0
    cache = options.out.with_name("results").absolute()
    cache.mkdir(parents=True, exist_ok=True)
    chosen = [one for one in SCENARIOS if options.only in ("", one.name)]
    source, old = old_results(cache, chosen)
    if options.kind == "kills":
        _kills(options, chosen, source, old, trials)
    elif options.kind == "states":
        _states(options, chosen, source, old, trials)
    else:
        _writes(options, chosen, source, old, trials)
    return 1 if any(trial.faults for trial in read(options.out)) else 0


def _kills(
    options: argparse.Namespace,
    chosen: list[Scenario],
    source: Path,
    old: dict[str, Result],
    trials: list[Trial],
) -> None:
    done = {(trial.scenario, trial.number) for trial in trials if trial.kind == "kill"}
    library = compile_shim(options.out.absolute().parent)
    line = random.Random(options.seed).choices(
        chosen, [scenario.share for scenario in chosen], k=options.moments
    )
    for number, scenario in enumerate(line):
        if (scenario.name, number) in done:
            continue
        chance = random.Random(f"{options.seed}-{number}")
        seconds, group = (
            chance.uniform(0.1, 1.1) * old[scenario.name].seconds,
            chance.random() < 0.5,
        )
        moment = Moment(seconds, group)
        if options.aim:
            moment = Moment(LONGEST, group, chance.randrange(1, options.aim), library)
        replaced = old[scenario.name].out if scenario.replaces and chance.random() < 0.7 else None
        add(options.out, killed(scenario, number, moment, source, replaced))


def _states(
    options: argparse.Namespace,
    chosen: list[Scenario],
    source: Path,
    old: dict[str, Result],
    trials: list[Trial],
) -> None:
    done = {trial.scenario for trial in trials if trial.kind == "state"}
    library = compile_shim(options.out.absolute().parent)
    for scenario in chosen:
        if scenario.name not in done:
            replaced = old[scenario.name].out if scenario.replaces else None
            every = options.every
            for trial in states(scenario, every, source, replaced, library, options.first):
                add(options.out, trial)


def _writes(
    options: argparse.Namespace,
    chosen: list[Scenario],
    source: Path,
    old: dict[str, Result],
    trials: list[Trial],
) -> None:
    done = {(trial.scenario, trial.number) for trial in trials if trial.kind == "write"}
    library = compile_shim(options.out.absolute().parent)
    for scenario in chosen:
        number = 1
        while True:
            if (scenario.name, number) not in done:
                error = ERRORS[number % 2]
                replaced = old[scenario.name].out if scenario.replaces else None
                trial = failing(scenario, number, error, source, replaced, library)
                if trial is None:
                    break
                add(options.out, trial)
            number += options.every


if __name__ == "__main__":
    sys.exit(main())
